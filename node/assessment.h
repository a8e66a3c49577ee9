// What is thought of a node at one moment: one immutable value that everybody reads, so that two
// readers of that moment cannot see two verdicts.
//
//   const std::shared_ptr<const node::Assessment> now = view.Assess();
//   now->diagnosis.findings.front().sentence

#ifndef PLEGD_NODE_ASSESSMENT_H_
#define PLEGD_NODE_ASSESSMENT_H_

#include <vector>

#include "pleg/diagnosis/diagnosis.h"
#include "pleg/diagnosis/evidence.h"
#include "pleg/mono_time.h"
#include "pleg/twin/twin_feed.h"

namespace node {

// Immutable once shared. Each part follows from the one before.
struct Assessment {
  pleg::MonoTime made_at;
  pleg::Evidence evidence;
  // What each kubelet that is modelled goes through; those of the evidence are of the one that
  // this node has, once it has reported its version.
  std::vector<pleg::GenerationReport> twins;
  pleg::Diagnosis diagnosis;  // with one finding at least
};

}  // namespace node

#endif  // PLEGD_NODE_ASSESSMENT_H_
