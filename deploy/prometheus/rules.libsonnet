{
  prometheusRules+:: {
    local by = '%(clusterLabel)s, instance' % $._config,
    local selector = $._config.plegdSelector,
    local quantile(q, record, metric, more='') = {
      record: record,
      expr: 'histogram_quantile(%s, sum by (%s, le%s) (rate(%s_bucket{%s}[5m])))' % [q, by, more, metric, selector],
      labels: { quantile: q },
    },
    groups+: [
      {
        name: 'plegd.rules',
        rules: [
          {
            // Before the first good relist the age counts from plegd's start.
            record: 'instance:pleg_last_relist:age_seconds',
            expr: |||
              time() - max by (%(by)s) (
                (pleg_last_relist_timestamp_seconds{%(selector)s} > 0)
                or
                (process_start_time_seconds{%(selector)s} and on (%(by)s) pleg_last_relist_timestamp_seconds{%(selector)s})
              )
            ||| % { by: by, selector: selector },
          },
          {
            record: 'instance_method:pleg_cri_oldest_unanswered_seconds:max',
            expr: 'max by (%s, method) (pleg_cri_oldest_unanswered_seconds{%s})' % [by, selector],
          },
          {
            record: 'instance_code:pleg_verdict:max',
            expr: 'max by (%s, code, severity) (pleg_verdict{%s})' % [by, selector],
          },
        ] + [
          quantile(q, 'instance_quantile:pleg_relist_duration_seconds:histogram_quantile', 'pleg_relist_duration_seconds')
          for q in ['0.99', '0.9', '0.5']
        ] + [
          quantile(q, 'instance_quantile:pleg_relist_interval_seconds:histogram_quantile', 'pleg_relist_interval_seconds')
          for q in ['0.99', '0.9', '0.5']
        ] + [
          quantile('0.99', 'instance_method_quantile:pleg_cri_call_duration_seconds:histogram_quantile', 'pleg_cri_call_duration_seconds', ', method'),
        ],
      },
    ],
  },
}
