"""What all panels have in common: data source, title, links, place, queries and thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

from tools.dashboard.queries import expand

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder

REPOSITORY = "https://github.com/db-health-exporter/db-health-exporter/blob/main"
RUNBOOKS = f"{REPOSITORY}/docs/runbooks"
DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="$datasource")

AnyPanel = TypeVar("AnyPanel", stat.Panel, timeseries.Panel, statetimeline.Panel, heatmap.Panel, table.Panel)
Thresholds = dict[float, str]
"""Colors by the value from which they hold."""


def link(title: str, url: str) -> dashboard.DashboardLink:
    """Return a link that opens a page of its own."""
    return dashboard.DashboardLink(title).url(url).target_blank(target_blank=True)


def finish(
    panel: AnyPanel,
    title: str,
    description: str,
    *,
    width: int,
    height: int,
    unit: str = "short",
    runbook: str | None = None,
) -> AnyPanel:
    """Set what every kind of panel has."""
    links: list[Builder[models.DashboardLink]] = [link(runbook, f"{RUNBOOKS}/{runbook}.md")] if runbook else []
    return (
        panel.title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .links(links)
        .span(width)
        .height(height)
    )


def query(
    expr: str,
    legend: str = "",
    *,
    instant: bool = False,
    form: PromQueryFormat = PromQueryFormat.TIME_SERIES,
    ref: str = "A",
) -> prometheus.Dataquery:
    """Return a query; `form` is how Grafana reads its result."""
    query = prometheus.Dataquery().expr(expand(expr)).legend_format(legend).format(form).ref_id(ref)
    query = query.datasource(DATASOURCE).editor_mode(QueryEditorMode.CODE)
    return query.instant() if instant else query.range()


def legend_at_bottom(mode: common_models.LegendDisplayMode) -> common.VizLegendOptions:
    """Return a legend below the panel."""
    placed = common.VizLegendOptions().placement(common_models.LegendPlacement.BOTTOM)
    return placed.display_mode(mode).show_legend(show_legend=True)


def tooltip(mode: common_models.TooltipDisplayMode, order: common_models.SortOrder) -> common.VizTooltipOptions:
    """Return the tooltip's options."""
    return common.VizTooltipOptions().mode(mode).sort(order)


def colors(thresholds: Thresholds | None) -> dashboard.ThresholdsConfig:
    """Return thresholds that begin with green, or with a neutral blue where there are none."""
    first = models.Threshold(None, "green" if thresholds else "blue")
    return steps([first, *(models.Threshold(value, color) for value, color in (thresholds or {}).items())])


def steps(steps: list[models.Threshold]) -> dashboard.ThresholdsConfig:
    """Return thresholds: each color holds from its value on."""
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
