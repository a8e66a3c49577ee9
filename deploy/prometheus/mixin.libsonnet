// plegd's monitoring mixin: (import 'mixin.libsonnet') + { _config+:: { plegdSelector: 'job="my-plegd"' } }
(import 'config.libsonnet') +
(import 'alerts.libsonnet') +
(import 'rules.libsonnet') +
{
  grafanaDashboards+:: {
    'plegd.json': import '../grafana/dashboard.jsonnet',
  },
}
