"""Measure articles: every number in them as a metric, by word lists and rules (a language pack, see ``en/``).

``measure.measure_text`` is the pure work, ``step.MeasureArticles`` the step of the pipeline. Nothing is imported here,
so that the work can be used without Beam.
"""
