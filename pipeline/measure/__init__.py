"""Measure articles: every number in them as a metric, by word lists and rules (a language pack, see ``en/``).

``MeasureArticles`` is the step, ``measure_text`` the pure work behind it.
"""

from pipeline.measure.measure import measure_text
from pipeline.measure.pack import load_pack
from pipeline.measure.step import MeasureArticles, Measuring, measure_article, unmeasured

__all__ = ["MeasureArticles", "Measuring", "load_pack", "measure_article", "measure_text", "unmeasured"]
