// Azure: scheduled events, which may also be called off. Events of the whole scale set are listed, so the machine's own
// name is asked for once.
//
// Only read: events are neither approved nor started from here, which would take the machine sooner.
#include <algorithm>
#include <map>

#include <lastgood/error.h>
#include <lastgood/timeout_sources.h>

#include "timeout/json.h"
#include "timeout/times.h"

namespace lastgood {
namespace {

using timeout::Json, timeout::text_at;

constexpr std::chrono::seconds kAsk{5};
constexpr const char* kEvents = "/metadata/scheduledevents?api-version=2020-07-01";
constexpr const char* kName = "/metadata/instance/compute/name?api-version=2021-02-01&format=text";
// "Freeze" stops a machine for seconds, with its memory kept.
constexpr const char* kEnds[] = {"Preempt", "Terminate", "Reboot", "Redeploy"};

class AzureEvents final : public DeadlineSource {
 public:
  AzureEvents(const Machine& machine, std::string base) : machine_(machine), base_(std::move(base)) {}

  std::string name() const override { return "azure_event"; }
  std::optional<Interval> interval() const override { return kAsk; }
  std::optional<Deadline> ask() override {
    if (own_name_.empty()) own_name_ = own_name();
    const HttpReply reply = get(kEvents);
    Json document = timeout::parse_json(reply.body);
    if (reply.status != 200 || !document.is_object() || !document["Events"].is_array()) {
      throw Error(ErrorCode::io, base_,
                  "the metadata service at " + base_ + " answered " + std::to_string(reply.status) +
                      " without scheduled events");
    }
    std::optional<Deadline> earliest;
    for (const Json& event : document["Events"]) {
      const auto found = read(event);
      if (found && (!earliest || found->at < earliest->at)) earliest = found;
    }
    return earliest;
  }

 private:
  HttpReply get(const char* path) const { return machine_.fetch({base_ + path, false, {"Metadata: true"}}); }

  /// Empty where the service does not tell it.
  std::string own_name() const {
    const HttpReply reply = get(kName);
    return reply.status == 200 ? std::string(timeout::trimmed(reply.body)) : std::string();
  }

  /// Where that cannot be told it does.
  bool concerns_us(const Json& event) const {
    const auto resources = event.find("Resources");
    return own_name_.empty() || resources == event.end() || !resources->is_array() ||
           std::find(resources->begin(), resources->end(), Json(own_name_)) != resources->end();
  }

  std::optional<Deadline> read(const Json& event) {
    const std::string type = text_at(event, "EventType");
    if (std::find(std::begin(kEnds), std::end(kEnds), type) == std::end(kEnds) || !concerns_us(event)) {
      return std::nullopt;
    }
    // Empty once the event has started. Each is mapped once, so that a clock that is set moves nothing.
    const std::string not_before = text_at(event, "NotBefore");
    const auto [entry, is_new] = seen_.try_emplace(text_at(event, "EventId") + ' ' + not_before, machine_.now());
    if (const auto time = timeout::parse_http_time(not_before); is_new && time) {
      entry->second = std::max(timeout::boot_time(machine_, *time), entry->second);
    }
    return Deadline{entry->second, name(), "Azure takes the machine then (" + type + ")"};
  }

  const Machine& machine_;
  std::string base_;
  std::string own_name_;
  std::map<std::string, BootTime> seen_;  // by event and time
};

}  // namespace

std::unique_ptr<DeadlineSource> azure_events(const Machine& machine, std::string base) {
  return std::make_unique<AzureEvents>(machine, std::move(base));
}

}  // namespace lastgood
