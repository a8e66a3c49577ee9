// What sites change: override in `_config`.
{
  _config+:: {
    // Which targets are plegd.
    plegdSelector: 'job="plegd"',
    // The label of a cluster, for Prometheus servers of many. Empty series labels do no harm.
    clusterLabel: 'cluster',
    // Where the runbooks of docs/runbooks/ are published; each alert appends its name and `.md`. The Debian package
    // has them here.
    runbookBase: 'file:///usr/share/doc/plegd/runbooks/',
    // The same of docs/verdicts/: PlegVerdict appends the code and `.md`.
    verdictBase: 'file:///usr/share/doc/plegd/verdicts/',

    unansweredSeconds: 30,
    relistAgeSeconds: 60,
    // Share of the health threshold: of 3 minutes a third, 60 seconds, is left until the kubelet says NotReady.
    notReadySoonShare: '2 / 3',
    eventLagSeconds: 60,
    relistP99Seconds: 10,
    listSizeRatio: 0.8,
    flapsIn15m: 2,
  },
}
