{
  prometheusAlerts+:: {
    local config = $._config,
    local by = '%(clusterLabel)s, instance' % config,
    local words = config { by: by },
    local alert(name, severity, expr, duration, summary, description, page=config.runbookBase + name) = {
      alert: name,
      expr: expr % words,
      [if duration != '' then 'for']: duration,
      labels: { severity: severity },
      annotations: {
        summary: summary,
        description: description,
        runbook_url: page + '.md',
      },
    },
    // Appended to the description of what a verdict explains: the codes of the node at this moment.
    local verdicts = |||
      {{ with printf "instance_code:pleg_verdict:max{%(clusterLabel)s=%%q, instance=%%q, severity=~\"page|warn\"} == 1" (or $labels.%(clusterLabel)s "") $labels.instance | query }} Verdict:{{ range . }} {{ .Labels.code }}{{ end }}.{{ end }}
    ||| % words,
    local explained(rule) = rule {
      annotations+: { description+: std.stripChars(verdicts, '\n') },
    },
    // How bad a verdict is, plegd says.
    local verdict(severity, of, duration, description) =
      alert('PlegVerdict', severity, 'instance_code:pleg_verdict:max{severity="%s"} == 1' % of, duration,
            '{{ $labels.code }} on {{ $labels.instance }}.', description, config.verdictBase + '{{ $labels.code }}'),
    groups+: [
      {
        name: 'plegd',
        rules: [
          verdict(
            'critical', 'page', '1m',
            'On {{ $labels.instance }} {{ $labels.code }}: the node is NotReady or will be, or some of its pods suffer. ' +
            '`plegctl explain` on the node names the culprit and the command; keep the evidence with `plegctl explain --save FILE` before anything is restarted.',
          ),
          verdict(
            'warning', 'warn', '5m',
            'On {{ $labels.instance }} {{ $labels.code }} has held for 5 minutes. It hurts nobody yet. `plegctl explain` on the node says what will make it hurt.',
          ),
          verdict(
            'info', 'info', '15m',
            'On {{ $labels.instance }} {{ $labels.code }} has held for 15 minutes. It hurts nobody and is worth knowing: `plegctl explain` on the node.',
          ),
          explained(alert(
            'PlegCallUnanswered', 'warning',
            'instance_method:pleg_cri_oldest_unanswered_seconds:max > %(unansweredSeconds)s', '',
            'The container runtime does not answer {{ $labels.method }}.',
            'On {{ $labels.instance }} a call of {{ $labels.method }} has been without an answer for {{ $value | humanizeDuration }}. ' +
            'If it is a list, the kubelet says NotReady after 3 minutes; if it is a status, one pod is stuck and events of others may be minutes late.',
          )),
          explained(alert(
            'PlegRelistOverdue', 'warning',
            'instance:pleg_last_relist:age_seconds > %(relistAgeSeconds)s', '',
            'No relist has succeeded for over a minute.',
            'On {{ $labels.instance }} the last good relist began {{ $value | humanizeDuration }} ago; it should be about a second.',
          )),
          explained(alert(
            'PlegNodeNotReadySoon', 'critical',
            |||
              instance:pleg_last_relist:age_seconds
                > on (%(by)s)
              max by (%(by)s) (pleg_health_threshold_seconds{%(plegdSelector)s}) * %(notReadySoonShare)s
            |||, '',
            'The node turns NotReady in less than a minute.',
            'On {{ $labels.instance }} the last good relist began {{ $value | humanizeDuration }} ago. The kubelet says "PLEG is not healthy" after 3 minutes. Capture evidence before anything is restarted.',
          )),
          explained(alert(
            'PlegUnhealthy', 'critical',
            'max by (%(by)s) (pleg_healthy{%(plegdSelector)s}) == 0 and on (%(by)s) instance:pleg_last_relist:age_seconds > %(relistAgeSeconds)s', '',
            'PLEG is not healthy.',
            'On {{ $labels.instance }} PLEG is not healthy by the kubelet\'s rule: the node is NotReady or about to be, and pods are neither started nor stopped.',
          )),
          explained(alert(
            'PlegHealthFlapping', 'warning',
            'max by (%(by)s) (changes(pleg_healthy{%(plegdSelector)s}[15m])) > %(flapsIn15m)s', '',
            'PLEG\'s health flaps.',
            'On {{ $labels.instance }} PLEG became healthy or unhealthy {{ $value }} times in 15 minutes: lists answer again and again, but not for long.',
          )),
          explained(alert(
            'PlegEventsLate', 'warning',
            'max by (%(by)s) (pleg_pods_pending{%(plegdSelector)s}) > 0', '1m',
            'Lifecycle events are late.',
            'On {{ $labels.instance }} {{ $value }} pods have had changes for a minute that could not be inspected. The kubelet, which inspects pods one after another, is minutes late with every pod of the node while it stays Ready.',
          )),
          explained(alert(
            'PlegKubeletEventLag', 'warning',
            // Infinite while lists fail: other alerts tell that.
            'max by (%(by)s) (pleg_kubelet_twin_event_lag_seconds{%(plegdSelector)s} < +Inf) > %(eventLagSeconds)s', '1m',
            'The kubelet is minutes behind.',
            'On {{ $labels.instance }} a kubelet would see what happens to its pods {{ $value | humanizeDuration }} late: it inspects pods one after another, and some calls take that long or do not return. The node may stay Ready all the while.',
          )),
          explained(alert(
            'PlegRelistSlow', 'warning',
            'instance_quantile:pleg_relist_duration_seconds:histogram_quantile{quantile="0.99"} > %(relistP99Seconds)s', '5m',
            'Relists are slow.',
            'On {{ $labels.instance }} the 99th percentile of a relist is {{ $value | humanizeDuration }}.',
          )),
          alert(
            'PlegListNearLimit', 'warning',
            'max by (%(by)s, method) (pleg_list_size_limit_ratio{%(plegdSelector)s}) > %(listSizeRatio)s', '10m',
            'A list reply nears the size at which the kubelet goes blind.',
            'On {{ $labels.instance }} the reply to {{ $labels.method }} is {{ $value | humanizePercentage }} of 16 MiB. Beyond it the kubelet cannot list at all, and after a restart never becomes Ready.',
          ),
          alert(
            'PlegBadItems', 'warning',
            'sum by (%(by)s, method, reason) (increase(pleg_cri_invalid_items_total{%(plegdSelector)s}[10m])) > 0', '',
            'The runtime lists what cannot be understood.',
            'On {{ $labels.instance }} {{ $value | humanize }} items of {{ $labels.method }} were skipped or repaired in 10 minutes: {{ $labels.reason }}.',
          ),
          alert(
            'PlegdDown', 'warning',
            'up{%(plegdSelector)s} == 0', '2m',
            'plegd cannot be scraped.',
            'plegd on {{ $labels.instance }} has not answered a scrape for 2 minutes: nobody tells when the node\'s runtime hangs.',
          ),
          alert(
            'PlegdAbsent', 'warning',
            'absent(up{%(plegdSelector)s})', '5m',
            'There is no plegd at all.',
            'Prometheus has no target of plegd: nothing is deployed, discovered or named so.',
          ),
          alert(
            'PlegdRestarting', 'warning',
            'max by (%(by)s) (changes(process_start_time_seconds{%(plegdSelector)s}[15m])) > 2', '',
            'plegd restarts again and again.',
            'plegd on {{ $labels.instance }} has started {{ $value }} times in 15 minutes.',
          ),
        ],
      },
    ],
  },
}
