// The dashboard, rendered to plegd.json by ../prometheus/render.py. Panels that the kubelet's dashboard of
// kubernetes-mixin has, too, bear its titles.
local config = (import '../prometheus/config.libsonnet')._config;
local selector = '%s, %s="$cluster", instance=~"$instance"' % [config.plegdSelector, config.clusterLabel];
local source = { type: 'prometheus', uid: '${datasource}' };

local target(expr, legend, refId='A', more={}) =
  { datasource: source, expr: expr % { s: selector, by: '%s, instance' % config.clusterLabel }, legendFormat: legend, refId: refId } + more;

local steps(values) = { mode: 'absolute', steps: [{ color: step[0], value: step[1] } for step in values] };

local panel(type, title, description, targets, unit, more={}) = {
  type: type,
  title: title,
  description: description,
  datasource: source,
  targets: targets,
  fieldConfig: { defaults: { unit: unit }, overrides: [] },
} + more;

local stat(title, description, expr, unit, thresholds, mappings=[]) =
  panel('stat', title, description, [target(expr, '{{instance}}', more={ instant: true })], unit, {
    fieldConfig: { defaults: { unit: unit, thresholds: steps(thresholds), mappings: mappings }, overrides: [] },
    options: { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'background', textMode: 'auto' },
  });

local graph(title, description, expr, legend, unit, limit=null) =
  panel('timeseries', title, description, [target(expr, legend)], unit, {
    fieldConfig: {
      defaults: {
        unit: unit,
        min: 0,
        custom: { fillOpacity: 10, showPoints: 'never' } +
                (if limit == null then {} else { thresholdsStyle: { mode: 'line' } }),
      } + (if limit == null then {} else { thresholds: steps([['green', null], ['red', limit]]) }),
      overrides: [],
    },
    options: { legend: { displayMode: 'table', placement: 'right', calcs: ['lastNotNull', 'max'] }, tooltip: { mode: 'multi', sort: 'desc' } },
  });

local top(title, description, expr, unit) =
  panel('table', title, description, [target(expr, '', more={ instant: true, format: 'table' })], unit, {
    options: { sortBy: [{ displayName: 'Value', desc: true }] },
    transformations: [{ id: 'organize', options: { excludeByName: { Time: true } } }],
  });

// A line for each series that was 1 in the time shown, coloured while it is.
local timeline(title, description, expr, legend) =
  panel('state-timeline', title, description, [target(expr, legend)], 'none', {
    fieldConfig: {
      defaults: {
        unit: 'none',
        color: { mode: 'thresholds' },
        thresholds: steps([['green', null], ['red', 1]]),
        mappings: [{ type: 'value', options: { '1': { text: 'wrong', color: 'red' } } }],
        noValue: 'nothing is wrong',
        custom: { fillOpacity: 80, lineWidth: 0, spanNulls: false },
      },
      overrides: [
        // Nobody is hurt yet.
        {
          matcher: { id: 'byRegexp', options: '\\((warn|info)\\)$' },
          properties: [{ id: 'mappings', value: [{ type: 'value', options: { '1': { text: 'announced', color: 'yellow' } } }] }],
        },
      ],
    },
    options: { showValue: 'never', mergeValues: true, rowHeight: 0.9, legend: { showLegend: false }, tooltip: { mode: 'single' } },
  });

local quantiles(metric) =
  'histogram_quantile(0.99, sum by (%(by)s, le) (rate(' + metric + '_bucket{%(s)s}[$__rate_interval])))';

local rows = [
  ['Now', 4, [
    stat('PLEG health', 'By the kubelet\'s rule, at this moment.', 'min(pleg_healthy{%(s)s})', 'none', [['red', null], ['green', 1]],
         [{ type: 'value', options: { '0': { text: 'unhealthy' }, '1': { text: 'healthy' } } }]),
    stat('Time until NotReady', 'What is left of the health threshold on the worst node.',
         'min(pleg_health_threshold_seconds{%(s)s} - (time() - pleg_last_relist_timestamp_seconds{%(s)s}))', 's', [['red', null], ['orange', 60], ['green', 120]]),
    stat('Nodes with a verdict', 'Nodes on which plegd has found something wrong; what, is below.',
         'count(count by (%(by)s) (pleg_verdict{%(s)s, severity=~"page|warn"} == 1)) or vector(0)', 'none', [['green', null], ['red', 1]]),
    stat('Longest silence', 'The oldest target without an answer, across time-outs and retries.',
         'max(pleg_cri_oldest_unanswered_seconds{%(s)s})', 's', [['green', null], ['orange', 5], ['red', 30]]),
    stat('Pods with late events', 'Listed with a change that could not be inspected yet.', 'sum(pleg_pods_pending{%(s)s})', 'none', [['green', null], ['orange', 1]]),
    stat('Stuck containers now', 'Containers and sandboxes whose status has been unanswered for 10 s.', 'sum(pleg_stuck_containers{%(s)s})', 'none', [['green', null], ['red', 1]]),
    stat('Runtime ready', 'The runtime\'s own condition RuntimeReady.', 'min(pleg_runtime_ready{%(s)s})', 'none', [['red', null], ['green', 1]],
         [{ type: 'value', options: { '0': { text: 'not ready' }, '1': { text: 'ready' } } }]),
    stat('Runtimes', 'Nodes of each runtime version.', 'count(pleg_runtime_info{%(s)s})', 'none', [['blue', null]]),
  ]],
  ['Verdicts', 9, [
    timeline('Verdicts', 'What plegd has found wrong, and when: a line for each node and code. The pages are in docs/verdicts; `plegctl explain` on the node names the culprit.',
             'max by (%(by)s, code, severity) (pleg_verdict{%(s)s, severity!="none"}) == 1', '{{instance}} {{code}} ({{severity}})'),
  ]],
  ['Verdicts of the nodes', 6, [
    graph('Nodes by verdict', 'How many nodes have each: one cause on many nodes is a release, a kernel or a store that they share.', 'count by (code) (pleg_verdict{%(s)s, severity!="none"} == 1)', '{{code}}', 'none'),
    graph('Stuck containers', 'Containers and sandboxes whose status has been unanswered for 10 s.', 'max by (%(by)s) (pleg_stuck_containers{%(s)s})', '{{instance}}', 'none'),
    graph('Unanswered targets', 'Lists, containers and sandboxes silent for more than a second, by method.', 'max by (%(by)s, method) (pleg_unanswered_targets{%(s)s})', '{{instance}} {{method}}', 'none'),
  ]],
  ['PLEG', 7, [
    graph('PLEG relist rate', 'Relists a second.', 'sum by (%(by)s) (rate(pleg_relist_duration_seconds_count{%(s)s}[$__rate_interval]))', '{{instance}}', 'ops'),
    graph('PLEG relist interval', '99th percentile of the time between two relists. A steady 2.5 s is between 1 s and 2.5 s, the limits of a bucket.', quantiles('pleg_relist_interval_seconds'), '{{instance}}', 's'),
    graph('PLEG relist duration', '99th percentile, inspections included. The kubelet\'s alert is at 10 s.', quantiles('pleg_relist_duration_seconds'), '{{instance}}', 's', 10),
  ]],
  ['What hangs', 7, [
    graph('Unanswered age', 'The longest unbroken silence about one target, by method. It moves while a call hangs; the alert is at 30 s.',
          'max by (%(by)s, method) (pleg_cri_oldest_unanswered_seconds{%(s)s})', '{{instance}} {{method}}', 's', 30),
    graph('Time since the last good relist', 'NotReady at the health threshold.', 'time() - max by (%(by)s) (pleg_last_relist_timestamp_seconds{%(s)s} > 0)', '{{instance}}', 's', 120),
    graph('Event lag of the kubelet', 'How late a kubelet would see a change that comes now; the alert is at 60 s. Minutes here on a healthy node are the silent mode; infinite while lists fail.',
          'max by (%(by)s) (pleg_kubelet_twin_event_lag_seconds{%(s)s})', '{{instance}}', 's', 60),
    graph('Calls in flight', 'Calls that wait for an answer now.', 'sum by (%(by)s, method) (pleg_cri_calls_in_flight{%(s)s})', '{{instance}} {{method}}', 'none'),
  ]],
  ['The host', 7, [
    graph('Pressure', 'Share of the last 10 s in which some or all tasks waited. Verdicts of starvation begin at 40 % of all for io, 20 % for memory, and 70 % of some for cpu.', 'max by (%(by)s, resource, tasks) (pleg_host_pressure_ratio{%(s)s})', '{{instance}} {{resource}} {{tasks}}', 'percentunit'),
    graph('Blocked and dead processes', 'Processes in state D and zombies, at the last look.',
          'label_replace(max by (%(by)s) (pleg_host_blocked_processes{%(s)s}), "state", "blocked", "", "") or label_replace(max by (%(by)s) (pleg_host_zombies{%(s)s}), "state", "zombie", "", "") or label_replace(max by (%(by)s) (pleg_host_frozen_cgroups{%(s)s}), "state", "frozen cgroup", "", "")',
          '{{instance}} {{state}}', 'none'),
    graph('Oldest OCI process', 'Age of the oldest runc, crun or their like: seconds are normal, minutes are a hang.', 'max by (%(by)s) (pleg_host_oldest_oci_process_seconds{%(s)s})', '{{instance}}', 's', 60),
    graph('Mounts', 'Lines of the mount table. systemd and runc read all of them for each container.', 'max by (%(by)s) (pleg_host_mounts{%(s)s})', '{{instance}}', 'none', 20000),
  ]],
  ['Phases and inspections', 7, [
    graph('Relist phases', '99th percentile by phase.',
          'histogram_quantile(0.99, sum by (%(by)s, phase, le) (rate(pleg_relist_phase_duration_seconds_bucket{%(s)s}[$__rate_interval])))', '{{instance}} {{phase}}', 's'),
    graph('Inspections', 'Pods inspected a second, by result.', 'sum by (%(by)s, result) (rate(pleg_inspections_total{%(s)s}[$__rate_interval]))', '{{instance}} {{result}}', 'ops'),
    graph('Events', 'Lifecycle events a second.', 'sum by (%(by)s, type) (rate(pleg_events_total{%(s)s}[$__rate_interval]))', '{{instance}} {{type}}', 'ops'),
  ]],
  ['Calls', 7, [
    graph('Operation Rate', 'Calls to the runtime a second.', 'sum by (%(by)s, method) (rate(pleg_cri_calls_total{%(s)s}[$__rate_interval]))', '{{instance}} {{method}}', 'ops'),
    graph('Operation Error Rate', 'Those that did not succeed, by gRPC code.',
          'sum by (%(by)s, method, code) (rate(pleg_cri_calls_total{%(s)s, code!="OK"}[$__rate_interval])) > 0', '{{instance}} {{method}} {{code}}', 'ops'),
    graph('Operation Duration 99th quantile', 'Of calls that ended, failed ones too.',
          'histogram_quantile(0.99, sum by (%(by)s, method, le) (rate(pleg_cri_call_duration_seconds_bucket{%(s)s}[$__rate_interval])))', '{{instance}} {{method}}', 's'),
  ]],
  ['Limits', 7, [
    graph('List size', 'Share of the 16 MiB beyond which the kubelet is blind; the alert is at 80 %.', 'max by (%(by)s, method) (pleg_list_size_limit_ratio{%(s)s})', '{{instance}} {{method}}', 'percentunit', 0.8),
    graph('Pods', 'Of the last good listing, by state.', 'sum by (%(by)s, state) (pleg_pods{%(s)s})', '{{instance}} {{state}}', 'none'),
    graph('Containers', 'Of the last good listing, by state. Thousands of exited ones are what fills the lists.', 'sum by (%(by)s, state) (pleg_containers{%(s)s})', '{{instance}} {{state}}', 'none'),
  ]],
  ['Top of the nodes', 8, [
    top('Longest silence by node', 'Ten nodes with the oldest target without an answer.', 'topk(10, max by (%(by)s, method) (pleg_cri_oldest_unanswered_seconds{%(s)s}) > 0)', 's'),
    top('Most containers by node', 'Ten nodes with the most containers, exited ones included.', 'topk(10, sum by (%(by)s) (pleg_containers{%(s)s}))', 'none'),
  ]],
  ['plegd', 7, [
    graph('CPU of plegd', 'Share of one CPU.', 'sum by (%(by)s) (rate(process_cpu_seconds_total{%(s)s}[$__rate_interval]))', '{{instance}}', 'percentunit'),
    graph('Memory of plegd', 'Resident.', 'max by (%(by)s) (process_resident_memory_bytes{%(s)s})', '{{instance}}', 'bytes'),
    graph('Age of the last look', 'About 10 s; 5 s while something is wrong. More if looking itself hangs.', 'max by (%(by)s) (pleg_host_look_age_seconds{%(s)s})', '{{instance}}', 's', 60),
    graph('Loop lag', 'How late plegd\'s own loop ran: above a second the node starves plegd as well, and what it says of others is less sure.', 'max by (%(by)s) (pleg_loop_lag_seconds{%(s)s})', '{{instance}}', 's', 1),
  ]],
];

// Rows of panels of the same width, from the top down.
local place(index, y) =
  if index == std.length(rows) then []
  else
    local row = rows[index], title = row[0], height = row[1], panels = row[2], width = std.floor(24 / std.length(panels));
    [{ type: 'row', title: title, collapsed: false, panels: [], gridPos: { x: 0, y: y, w: 24, h: 1 } }] +
    [panels[i] + { gridPos: { x: i * width, y: y + 1, w: width, h: height } } for i in std.range(0, std.length(panels) - 1)] +
    place(index + 1, y + 1 + height);

local variable(name, query, more={}) = {
  name: name,
  type: 'query',
  datasource: source,
  query: { query: query, refId: name },
  refresh: 2,
  sort: 1,
} + more;

local placed = place(0, 0);
{
  title: 'plegd',
  uid: 'plegd',
  description: 'Why is PLEG not healthy, on which node, since when.',
  tags: ['kubernetes', 'plegd'],
  schemaVersion: 38,
  editable: true,
  refresh: '15s',
  time: { from: 'now-1h', to: 'now' },
  timezone: 'utc',
  templating: {
    list: [
      { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' },
      variable('cluster', 'label_values(pleg_build_info{%s}, %s)' % [config.plegdSelector, config.clusterLabel], { label: 'Cluster' }),
      variable('instance', 'label_values(pleg_build_info{%s, %s="$cluster"}, instance)' % [config.plegdSelector, config.clusterLabel],
               { label: 'Node', includeAll: true, multi: true, current: { text: 'All', value: '$__all' }, allValue: '.*' }),
    ],
  },
  annotations: {
    list: [{
      name: 'plegd starts',
      datasource: source,
      enable: true,
      iconColor: 'blue',
      expr: 'changes(process_start_time_seconds{%s}[1m]) > 0' % selector,
      titleFormat: 'plegd started on {{instance}}',
    }],
  },
  links: [],
  panels: [placed[i] + { id: i + 1 } for i in std.range(0, std.length(placed) - 1)],
}
