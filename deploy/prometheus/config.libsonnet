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

    // How loud PlegVerdict is, by code. A code that is in none of these lists warns.
    // No pod of the node is started or stopped.
    pagingVerdicts: [
      'CRI_UNSUPPORTED',
      'KUBELET_SIDE',
      'LIST_LOCK_CONVOY',
      'MESSAGE_TOO_LARGE',
      'RUNTIME_DOWN',
      'RUNTIME_ERRORS',
      'RUNTIME_HUNG',
    ],
    // One pod is stuck; it pages too while, by the twin, the kubelet turns NotReady for it.
    stuckVerdicts: ['CONTAINER_STUCK', 'SANDBOX_STUCK'],
    // Nobody is hurt yet, or it is over.
    informingVerdicts: ['LATENT_HANG', 'MESSAGE_TOO_LARGE_SOON', 'RUNTIME_RESTARTING', 'TOO_MANY_DEAD', 'WARNING'],
    // Nothing is wrong.
    quietVerdicts: ['HEALTHY', 'STARTING'],

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
