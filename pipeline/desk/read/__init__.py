"""The questions that the pages ask of a warehouse: functions of a warehouse and parameters that give plain values."""
