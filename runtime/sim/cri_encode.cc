#include "runtime/sim/cri_encode.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/sim/kubelet_metadata.h"
#include "runtime/sim/wire_writer.h"

namespace sim {
namespace {

constexpr int kUnknownState = 99;
constexpr int kLaterField = 2047;  // No CRI version uses it.
constexpr int kNetworkModeNode = 2;

// Writes the fields of one item, leaving out or bending what its defect says.
class ItemWriter {
 public:
  ItemWriter(Random* order, std::optional<Defect> defect, std::string* out)
      : wire_(out, order), defect_(defect) {}

  WireWriter& wire() { return wire_; }

  void Id(const pleg::ContainerId& id) {
    if (defect_ != Defect::kNoId) wire_.String(1, id.value());
  }
  // `one` and `other` are the two states that kOtherState swaps.
  void State(int field, int state, int one, int other) {
    if (defect_ == Defect::kUnknownEnum) state = kUnknownState;
    if (defect_ == Defect::kOtherState) state = state == one ? other : one;
    wire_.Int(field, state);
  }
  void State(int field, const Sandbox& sandbox) {
    State(field, sandbox.state, kSandboxReady, kSandboxNotReady);
  }
  void State(int field, const Container& container) {
    State(field, container.state, kContainerRunning, kContainerExited);
  }
  void Metadata(int field, const Sandbox& sandbox) {
    if (defect_ == Defect::kNoMetadata) return;
    wire_.Message(field, [&] {
      wire_.String(1, sandbox.pod->name);
      wire_.String(2, sandbox.pod->uid.value());
      wire_.String(3, sandbox.pod->namespace_name);
      wire_.Uint(4, sandbox.attempt);
    });
  }
  void Metadata(int field, const Container& container) {
    if (defect_ == Defect::kNoMetadata) return;
    wire_.Message(field, [&] {
      wire_.String(1, container.name);
      wire_.Uint(2, container.attempt);
    });
  }
  void Image(int field, absl::string_view image, absl::string_view user_specified) {
    if (defect_ == Defect::kNoImage) return;
    wire_.Message(field, [&] {
      wire_.String(1, image);
      wire_.String(18, user_specified);
    });
  }
  void Labels(int field, const sim::Labels& labels) {
    wire_.Map(field, labels);
    if (defect_ == Defect::kBadUtf8) wire_.Entry(field, "cri-sim.io/latin1", "caf\xe9");
  }
  // Last of all fields.
  void Tail(int delimited_field) {
    if (defect_ == Defect::kUnknownField) {
      wire_.Uint(kLaterField, 7);
      wire_.String(kLaterField + 1, "from a later version");
    }
    if (defect_ == Defect::kBadItem) wire_.Overrun(delimited_field, 100);
  }

 private:
  WireWriter wire_;
  const std::optional<Defect> defect_;
};

int64_t Nanos(absl::Time time) { return absl::ToUnixNanos(time); }

void WriteNetwork(const Sandbox& sandbox, WireWriter& wire) {
  if (sandbox.state != kSandboxReady) return wire.Message(5, [] {});
  wire.Message(5, [&] {
    for (size_t i = 0; i < sandbox.ips.size(); ++i) {
      if (i == 0) {
        wire.String(1, sandbox.ips[i]);
      } else {
        wire.Message(2, [&] { wire.String(1, sandbox.ips[i]); });
      }
    }
  });
}

// PodSandboxStatus.
void WriteStatus(const Sandbox& sandbox, ItemWriter& item) {
  WireWriter& wire = item.wire();
  item.Id(sandbox.id);
  item.Metadata(2, sandbox);
  item.State(3, sandbox);
  wire.Int(4, Nanos(sandbox.created_at));
  WriteNetwork(sandbox, wire);
  wire.Message(6, [&] {
    wire.Message(1, [&] {
      wire.Message(2, [&] {
        wire.Int(1, sandbox.pod->host_network ? kNetworkModeNode : 0);
        wire.Int(2, 1);
      });
    });
  });
  item.Labels(7, MakeSandboxLabels(*sandbox.pod));
  wire.Map(8, sandbox.annotations);
  item.Tail(9);
}

void WriteMounts(const Container& container, WireWriter& wire) {
  const std::string pod_dir = absl::StrCat("/var/lib/kubelet/pods/", container.pod->uid.value());
  wire.Message(14, [&] {
    wire.String(1, "/var/run/secrets/kubernetes.io/serviceaccount");
    wire.String(2, absl::StrCat(pod_dir, "/volumes/kubernetes.io~projected/kube-api-access"));
    wire.Bool(3, true);
  });
  wire.Message(14, [&] {
    wire.String(1, "/dev/termination-log");
    wire.String(2, absl::StrCat(pod_dir, "/containers/", container.name, "/",
                                container.id.value().substr(0, 8)));
  });
}

void WriteResources(WireWriter& wire) {
  wire.Message(16, [&] {
    wire.Message(1, [&] {
      wire.Int(1, 100000);
      wire.Int(2, 50000);
      wire.Int(3, 256);
      wire.Int(4, 256 << 20);
      wire.Int(5, 984);
    });
  });
}

// ContainerStatus.
void WriteStatus(const Container& container, ItemWriter& item) {
  WireWriter& wire = item.wire();
  item.Id(container.id);
  item.Metadata(2, container);
  item.State(3, container);
  wire.Int(4, Nanos(container.created_at));
  wire.Int(5, Nanos(container.started_at));
  wire.Int(6, Nanos(container.finished_at));
  wire.Int(7, container.exit_code);
  item.Image(8, container.image, container.image);
  wire.String(9, container.repo_digest);
  wire.String(10, container.reason);
  wire.String(11, container.message);
  item.Labels(12, container.labels);
  wire.Map(13, container.annotations);
  WriteMounts(container, wire);
  wire.String(15, LogPath(container));
  WriteResources(wire);
  wire.String(17, container.image_id);
  wire.Message(18, [&] { wire.Message(1, [&] { wire.Int(1, 65532); }); });
  item.Tail(15);
}

void WriteInfo(bool verbose, absl::string_view id, WireWriter& wire) {
  if (!verbose) return;
  wire.Entry(2, "info", absl::StrCat(R"({"sandboxID":")", id, R"(","pid":4711})"));
}

}  // namespace

void EncodeListed(const Sandbox& sandbox, Random* order, std::optional<Defect> defect,
                  std::string* out) {
  ItemWriter item(order, defect, out);
  WireWriter& wire = item.wire();
  wire.Message(1, [&] {
    item.Id(sandbox.id);
    item.Metadata(2, sandbox);
    item.State(3, sandbox);
    wire.Int(4, Nanos(sandbox.created_at));
    item.Labels(5, MakeSandboxLabels(*sandbox.pod));
    wire.Map(6, sandbox.annotations);
    item.Tail(7);
  });
  if (defect == Defect::kDuplicate) EncodeListed(sandbox, order, std::nullopt, out);
}

void EncodeListed(const Container& container, Random* order, std::optional<Defect> defect,
                  std::string* out) {
  ItemWriter item(order, defect, out);
  WireWriter& wire = item.wire();
  wire.Message(1, [&] {
    item.Id(container.id);
    wire.String(2, container.sandbox->id.value());
    item.Metadata(3, container);
    item.Image(4, container.image_id, container.image);
    wire.String(5, container.image_id);
    item.State(6, container);
    wire.Int(7, Nanos(container.created_at));
    item.Labels(8, container.labels);
    wire.Map(9, container.annotations);
    wire.String(10, container.image_id);
    item.Tail(10);
  });
  if (defect == Defect::kDuplicate) EncodeListed(container, order, std::nullopt, out);
}

void EncodeStatusResponse(const Sandbox& sandbox, const SandboxStatusOptions& options,
                          Random* order, std::optional<Defect> defect, std::string* out) {
  ItemWriter item(order, defect, out);
  WireWriter& wire = item.wire();
  wire.Message(1, [&] { WriteStatus(sandbox, item); });
  WriteInfo(options.verbose, sandbox.id.value(), wire);
  if (!options.with_containers_at.has_value()) return;
  for (const auto& container : sandbox.pod->containers) {
    if (container->sandbox != &sandbox) continue;
    ItemWriter whole(order, std::nullopt, out);
    wire.Message(3, [&] { WriteStatus(*container, whole); });
  }
  wire.Int(4, Nanos(*options.with_containers_at));
}

void EncodeStatusResponse(const Container& container, bool verbose, Random* order,
                          std::optional<Defect> defect, std::string* out) {
  ItemWriter item(order, defect, out);
  item.wire().Message(1, [&] { WriteStatus(container, item); });
  WriteInfo(verbose, container.sandbox->id.value(), item.wire());
}

void EncodeEvent(int type, const Pod& pod, const pleg::ContainerId& id, absl::Time now,
                 Random* order, std::string* out) {
  ItemWriter item(order, std::nullopt, out);
  WireWriter& wire = item.wire();
  wire.String(1, id.value());
  wire.Int(2, type);
  wire.Int(3, Nanos(now));
  if (pod.sandboxes.empty()) return;
  const Sandbox& newest = *pod.sandboxes.back();
  wire.Message(4, [&] { WriteStatus(newest, item); });
  for (const auto& container : pod.containers) {
    if (container->sandbox == &newest) wire.Message(5, [&] { WriteStatus(*container, item); });
  }
}

}  // namespace sim
