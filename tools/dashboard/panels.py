"""The house style: one function for each kind of panel, on the builders of Grafana's Foundation SDK.

Widths are in 24ths of the page; the widths of a line add up to 24. A description that says "Empty" says when.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import common, dashboard, heatmap, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from tools.dashboard import style
from tools.dashboard.queries import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tools.dashboard.style import AnyPanel, Thresholds


def number(
    title: str,
    description: str,
    expr: str,
    *,
    width: int,
    unit: str = "short",
    thresholds: Thresholds | None = None,
    decimals: int | None = None,
    runbook: str | None = None,
) -> stat.Panel:
    """One big number, colored by its thresholds."""
    reduce = common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(values=False)
    panel = (
        stat.Panel()
        .color_mode(common_models.BigValueColorMode.BACKGROUND)
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .justify_mode(common_models.BigValueJustifyMode.CENTER)
        .text_mode(common_models.BigValueTextMode.AUTO)
        .reduce_options(reduce)
        .targets([style.query(expr, instant=True)])
        .thresholds(style.colors(thresholds))
    )
    if decimals is not None:
        panel.decimals(decimals)
    return style.finish(panel, title, description, width=width, height=4, unit=unit, runbook=runbook)


def lines(  # noqa: PLR0913 - these are the knobs of a panel
    title: str,
    description: str,
    queries: Mapping[str, str],
    *,
    width: int,
    unit: str = "short",
    thresholds: Thresholds | None = None,
    maximum: float | None = None,
    decimals: int | None = None,
    runbook: str | None = None,
) -> timeseries.Panel:
    """Lines over time, one query by its legend, with the thresholds as dashed lines."""
    dashed = common_models.GraphTresholdsStyleMode.DASHED if thresholds else common_models.GraphTresholdsStyleMode.OFF
    panel = (
        _series(queries)
        .line_width(1)
        .fill_opacity(8)
        .stacking(common.StackingConfig().mode(common_models.StackingMode.NONE).group("A"))
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(dashed))
        .thresholds(style.colors(thresholds))
    )
    if maximum is not None:
        panel.max(maximum)
    if decimals is not None:
        panel.decimals(decimals)
    return style.finish(panel, title, description, width=width, height=8, unit=unit, runbook=runbook)


def stacked(
    title: str, description: str, queries: Mapping[str, str], *, width: int, runbook: str | None = None
) -> timeseries.Panel:
    """Areas on top of each other: parts of a whole over time."""
    panel = (
        _series(queries)
        .line_width(0)
        .fill_opacity(70)
        .stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(common_models.GraphTresholdsStyleMode.OFF))
        .thresholds(style.colors(None))
    )
    return style.finish(panel, title, description, width=width, height=8, runbook=runbook)


def states(
    title: str, description: str, expr: str, *, legend: str, width: int, runbook: str | None = None
) -> statetimeline.Panel:
    """A band per series whose color and text change with the state."""
    panel = (
        statetimeline.Panel()
        .merge_values(merge_values=True)
        .show_value(common_models.VisibilityMode.AUTO)
        .align_value(common_models.TimelineValueAlignment.LEFT)
        .row_height(0.85)
        .legend(style.legend_at_bottom(common_models.LegendDisplayMode.LIST))
        .tooltip(style.tooltip(common_models.TooltipDisplayMode.SINGLE, common_models.SortOrder.NONE))
        .fill_opacity(80)
        .line_width(0)
        .targets([style.query(expr, legend)])
    )
    return style.finish(panel, title, description, width=width, height=8, runbook=runbook)


def heat(title: str, description: str, expr: str, *, width: int) -> heatmap.Panel:
    """How often each duration came, over time."""
    color = (
        heatmap.HeatmapColorOptions()
        .mode(heatmap_models.HeatmapColorMode.SCHEME)
        .scheme("Oranges")
        .steps(64)
        .exponent(0.5)
        .reverse(reverse=False)
    )
    panel = (
        heatmap.Panel()
        .calculate(calculate=False)
        .cell_gap(1)
        .color(color)
        .y_axis(heatmap.YAxisConfig().unit("s").axis_placement(common_models.AxisPlacement.LEFT))
        .show_legend()
        .show_tooltip()
        .hide_y_histogram()
        .thresholds(style.colors(None))
        .targets([style.query(expr, "{{le}}", form=PromQueryFormat.HEATMAP)])
    )
    return style.finish(panel, title, description, width=width, height=8)


def rows(  # noqa: PLR0913 - these are the knobs of a panel
    title: str,
    description: str,
    queries: Iterable[str],
    columns: Mapping[str, str],
    *,
    width: int,
    height: int = 8,
    unit: str = "short",
    thresholds: Thresholds | None = None,
    runbook: str | None = None,
) -> table.Panel:
    """A table with one line per series and the values of all queries side by side, under these names in this order."""
    organize = {
        "excludeByName": {"Time": True},
        "indexByName": {name: index for index, name in enumerate(columns)},
        "renameByName": dict(columns),
    }
    panel = (
        table.Panel()
        .show_header(show_header=True)
        .cell_height(common_models.TableCellHeight.SM)
        .footer(common.TableFooterOptions().show(show=False))
        .with_transformation(models.DataTransformerConfig("merge", options={}))
        .with_transformation(models.DataTransformerConfig("organize", options=organize))
        .thresholds(style.colors(thresholds))
        .targets(
            [
                style.query(expr, instant=True, form=PromQueryFormat.TABLE, ref=chr(ord("A") + index))
                for index, expr in enumerate(queries)
            ]
        )
    )
    return style.finish(panel, title, description, width=width, height=height, unit=unit, runbook=runbook)


def with_names(panel: AnyPanel, names: Iterable[tuple[str, str]]) -> AnyPanel:
    """Show texts and colors instead of the numbers from 0 on."""
    mapping, colors = name_values(names)
    return panel.mappings([mapping]).thresholds(colors)


def name_values(names: Iterable[tuple[str, str]]) -> tuple[models.ValueMap, dashboard.ThresholdsConfig]:
    """Return the mapping and the thresholds that show these texts and colors instead of numbers from 0 on."""
    known = list(names)
    results = {
        str(value): models.ValueMappingResult(text=text, color=color, index=value)
        for value, (text, color) in enumerate(known)
    }
    steps = [models.Threshold(value or None, color) for value, (_, color) in enumerate(known)]
    return models.ValueMap(results), style.steps(steps)


def verdict_names() -> list[tuple[str, str]]:
    """Return text and color of each verdict, by rank."""
    return [(text, color) for _, text, color in VERDICTS]


def _series(queries: Mapping[str, str]) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .legend(style.legend_at_bottom(common_models.LegendDisplayMode.TABLE).calcs(["lastNotNull", "max"]))
        .tooltip(style.tooltip(common_models.TooltipDisplayMode.MULTI, common_models.SortOrder.DESCENDING))
        .draw_style(common_models.GraphDrawStyle.LINE)
        .show_points(common_models.VisibilityMode.NEVER)
        .span_nulls(span_nulls=False)
        .min(0)
        .targets(
            [
                style.query(expr, legend, ref=chr(ord("A") + index))
                for index, (legend, expr) in enumerate(queries.items())
            ]
        )
    )
