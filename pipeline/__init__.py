"""The hall: Beam transforms from fetched items to stories, metrics and figures. Steps import schemas only."""

__version__ = "0.1.0"
