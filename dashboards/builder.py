"""Building blocks of the dashboards: panels with what every panel of ours must have.

A panel without a description, a unit or a query cannot be made; every query goes to the data source that the reader chose.
"""

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
SIDECAR = 'instance=~"$instance"'
SERVICE = 'instance=~"$instance",service=~"$service"'
TAG = "swarmtide"


def over(aggregate, inner, by):
    """An aggregate of all, or one for each value of the labels `by`."""
    return f"{aggregate} by ({by}) ({inner})" if by else f"{aggregate}({inner})"


def value(aggregate, metric, by=None):
    """A gauge of the sidecars that the reader chose."""
    return over(aggregate, f"{metric}{{{SIDECAR}}}", by)


def rate(metric, by=None):
    """A counter of theirs, a second."""
    return over("sum", f"rate({metric}{{{SIDECAR}}}[$__rate_interval])", by)


def increase(metric, by=None):
    """A counter of theirs, within the time of a point."""
    return over("sum", f"increase({metric}{{{SIDECAR}}}[$__rate_interval])", by)


def query(expression, legend, reference, instant=False, as_table=False):
    """One query of a panel."""
    one = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(reference).datasource(SOURCE)
    if as_table:
        one = one.format("table")
    return one.instant() if instant else one.range()


def queries(pairs, **how):
    """Queries A, B, C …"""
    return [query(expression, legend, chr(ord("A") + number), **how) for number, (expression, legend) in enumerate(pairs)]


def steps(*pairs):
    """Thresholds: the first colour has no lower end."""
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(
        [models.Threshold(value=value, color=colour) for value, colour in pairs]
    )


def tile(title, description, unit, expression, thresholds=((None, "green"),), width=4, decimals=None):
    """A number."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(SOURCE)
        .thresholds(steps(*thresholds))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(common_models.BigValueColorMode.VALUE)
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .no_value("-")
        .span(width)
        .height(4)
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    for one in queries([(expression, title)], instant=True):
        panel = panel.with_target(one)
    return panel


def chart(title, description, unit, pairs, width=12, stacked=False, dashed=(), top=None, height=8):
    """Lines over time. `dashed` names series that are bounds or candidates rather than what is."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .min(0)
        .datasource(SOURCE)
        .line_width(1)
        .fill_opacity(10 if not stacked else 40)
        .show_points(common_models.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI).sort(common_models.SortOrder.DESCENDING))
        .span(width)
        .height(height)
    )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    if top is not None:
        panel = panel.max(top)
    for name in dashed:
        panel = panel.override_by_regexp(
            name,
            [
                models.DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [8, 6]}),
                models.DynamicConfigValue(id_val="custom.fillOpacity", value=0),
                models.DynamicConfigValue(id_val="custom.stacking", value={"mode": "none"}),
            ],
        )
    for one in queries(pairs):
        panel = panel.with_target(one)
    return panel


def third(title, description, unit, pairs, **more):
    """A chart of a third of the width."""
    return chart(title, description, unit, pairs, width=8, **more)


def rows(title, description, columns, by, link=None, width=24, height=9):
    """A table: one row for each value of the label `by`, one column for each query with its own unit."""
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .unit("none")
        .datasource(SOURCE)
        .show_header(True)
        .span(width)
        .height(height)
        .with_transformation(models.DataTransformerConfig(id_val="joinByField", options={"byField": by, "mode": "outer"}))
        .with_transformation(
            models.DataTransformerConfig(
                id_val="filterFieldsByName", options={"include": {"pattern": f"^({by}|Value #.*)$"}}
            )
        )
    )
    for number, (name, unit, expression) in enumerate(columns):
        letter = chr(ord("A") + number)
        panel = panel.with_target(query(expression, name, letter, instant=True, as_table=True))
        panel = panel.override_by_name(
            f"Value #{letter}",
            [
                models.DynamicConfigValue(id_val="displayName", value=name),
                models.DynamicConfigValue(id_val="unit", value=unit),
            ],
        )
    if link:
        target = [{"title": "This service alone", "url": link}]
        panel = panel.override_by_name(by, [models.DynamicConfigValue(id_val="links", value=target)])
    return panel


def choice(name, label, metric, many=True, of=""):
    """A variable with the values that a label of a metric has."""
    variable = (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": f"label_values({metric}{of}, {name})", "refId": name})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
    if many:
        everything = models.VariableOption(selected=True, text="All", value="$__all")
        variable = variable.multi(True).include_all(True).all_value(".*").current(everything)
    return variable


def board(uid, title, description, variables, content):
    """A dashboard: `content` is a list of rows, each a title and its panels."""
    page = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .editable()
        .version(1)
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .link(
            dashboard.DashboardLink("Swarmtide")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
    )
    for variable in variables:
        page = page.with_variable(variable)
    number = 0
    for name, panels in content:
        page = page.with_row(dashboard.Row(name))
        for panel in panels:
            number += 1
            page = page.with_panel(panel.id(number))
    return page.build()
