// How much memory statuses take, and making them take less. What a pod's owner may make as long as
// the API server allows (labels, mounts, supplemental groups, messages) would otherwise be kept as
// long.
//
//   Truncate(kMaxStatusBytes, status);  // status.truncated tells whether something is missing now

#ifndef PLEGD_PLEG_STATUS_SIZE_H_
#define PLEGD_PLEG_STATUS_SIZE_H_

#include <cstddef>
#include <memory>

#include "pleg/pod_status.h"

namespace pleg {

// What is kept of one sandbox or container; of usual ones some KiB.
inline constexpr size_t kMaxStatusBytes = size_t{32} * 1024;
// What is left of each object of a pod that has to give way to others.
inline constexpr size_t kTruncatedStatusBytes = 512;

// Memory of the texts and lists that Truncate may shorten; an estimate, in bytes. All of a pod's
// objects together.
size_t VariableBytes(const SandboxStatus& status);
size_t VariableBytes(const ContainerStatus& status);
size_t VariableBytes(const PodStatus& status);

// Makes VariableBytes at most `bytes`: texts longer than a quarter of that are cut, then lists lose
// what is at their end. Names, ids, states, times and images stay as they are.
void Truncate(size_t bytes, SandboxStatus& status);
void Truncate(size_t bytes, ContainerStatus& status);
// A copy with at most `bytes` of each object; objects that have no more are shared.
std::shared_ptr<const PodStatus> Truncated(size_t bytes, const PodStatus& status);

}  // namespace pleg

#endif  // PLEGD_PLEG_STATUS_SIZE_H_
