// What the monitor's checks cost a training, at the default interval, and how fast a scan is beside a plain read of the
// same memory.
//
// usage: monitor_overhead [ROUNDS]
//
// Two trainings: the demo's model as the demo trains it, and a transformer of GPT-2 small's size with AdamW, whose
// parameters and moments are the 1.5 GB that the other benchmarks save (a scan also looks at 0.5 GB of gradients). A
// step of the large one adds up the gradients of 8 sequences of 1,024 tokens, on this machine's processor: forward and
// backward of one is measured, and counted 8 times. That is a short step: GPT-2 itself was trained with 512 sequences a
// step (Radford et al. 2019, section 2.3).
//
// Step and checks, or scan and plain read, take turns; what is reported is the median over the rounds of the ratios
// within a round, with the least and the largest. All use LibTorch's number of threads, which OMP_NUM_THREADS sets.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <torch/torch.h>

#include <lastgood/torch/optimizer_tensors.h>
#include <lastgood/torch/stability_monitor.h>

#include "bench/measure.h"
#include "examples/char_transformer.h"

namespace {

using bench::median;
using bench::seconds;

using lastgood::Step;

/// Where `count` bytes of a tensor lie.
struct Range {
  const char* data;
  std::size_t bytes;
};

/// The sum of all whole words.
std::uint64_t sum_words(const Range& range) {
  using Words = std::uint64_t __attribute__((vector_size(32)));
  Words sums[4] = {};
  std::size_t i = 0;
  for (; i + sizeof sums <= range.bytes; i += sizeof sums) {
    Words words[4];
    std::memcpy(words, range.data + i, sizeof words);
    for (int k = 0; k < 4; ++k) sums[k] += words[k];
  }
  const Words total = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  return total[0] + total[1] + total[2] + total[3];
}

/// A training that can be stepped, and checked.
class Subject {
 public:
  Subject(const demo::TransformerOptions& shape, std::int64_t batch)
      : model_(shape),
        optimizer_(model_->parameters(), torch::optim::AdamWOptions(1e-4)),
        inputs_(torch::randint(shape.characters, {batch, shape.context}, torch::kLong)) {
    go_forward_and_back();
    update();  // the first one makes the optimizer's state
  }

  void go_forward_and_back() {
    optimizer_.zero_grad();
    const torch::Tensor logits = model_->forward(inputs_);
    loss_ = torch::cross_entropy_loss(logits.reshape({-1, logits.size(-1)}), inputs_.reshape({-1}));
    loss_.backward();
  }

  void update() { optimizer_.step(); }

  void check(const lastgood::StepCheck& how = {}) {
    const auto metrics = monitor_.check_step(model_, loss_, optimizer_, ++checked_, how);
    if (metrics.overall_health >= lastgood::Health::warning) {
      std::fprintf(stderr, "the training is not healthy: what is measured is something else\n");
      std::exit(1);
    }
  }

  /// All that a scan looks at.
  std::vector<Range> memory() const {
    std::vector<Range> ranges;
    const auto add = [&](const torch::Tensor& tensor) {
      ranges.push_back({static_cast<const char*>(tensor.data_ptr()), tensor.nbytes()});
    };
    for (const torch::Tensor& parameter : model_->parameters()) {
      add(parameter);
      add(parameter.grad());
    }
    for (const auto& state : lastgood::optimizer_tensors(optimizer_)) add(state.tensor);
    return ranges;
  }

 private:
  demo::CharTransformer model_;
  torch::optim::AdamW optimizer_;
  torch::Tensor inputs_;
  torch::Tensor loss_;
  lastgood::StabilityMonitor monitor_;
  Step checked_ = 0;
};

/// Each thread reads as many bytes as the others, from one end to the other.
std::uint64_t read_plainly(const std::vector<Range>& ranges, std::size_t threads) {
  std::size_t total = 0;
  for (const Range& range : ranges) total += range.bytes;
  std::vector<std::vector<Range>> shares(threads);
  std::size_t seen = 0;
  constexpr std::size_t kPiece = 1 << 20;
  for (const Range& range : ranges) {
    for (std::size_t at = 0; at < range.bytes; at += kPiece) {
      const std::size_t bytes = std::min(kPiece, range.bytes - at);
      shares[std::min(threads - 1, seen * threads / total)].push_back({range.data + at, bytes});
      seen += bytes;
    }
  }
  std::vector<std::uint64_t> sums(threads);
  const auto read_share = [&](std::size_t thread) {
    for (const Range& piece : shares[thread]) sums[thread] += sum_words(piece);
  };
  std::vector<std::jthread> others;
  for (std::size_t thread = 1; thread < threads; ++thread) others.emplace_back(read_share, thread);
  read_share(0);
  others.clear();
  std::uint64_t sum = 0;
  for (const std::uint64_t one : sums) sum += one;
  return sum;
}

/// Seconds a call, of so many calls.
double seconds_each(int calls, const std::function<void()>& body) {
  return seconds([&] {
           for (int i = 0; i < calls; ++i) body();
         }) /
         calls;
}

void print(const char* what, double value, const char* unit, const std::vector<double>& ratios = {}) {
  std::printf("  %-52s %10.3f %s", what, value, unit);
  if (!ratios.empty()) {
    const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
    std::printf("  (%.3f to %.3f)", *least, *most);
  }
  std::printf("\n");
}

/// `batches`: whose gradients a step adds up. `repeats`: how often a round does each, so that it can be measured.
void measure_share(Subject& subject, int rounds, int batches, int repeats) {
  const auto interval = static_cast<int>(lastgood::MonitorOptions().check_interval);
  std::vector<double> steps, checks, shares;
  for (int round = 0; round < rounds; ++round) {
    const double batch = seconds_each(repeats, [&] { subject.go_forward_and_back(); });
    steps.push_back(batches * batch + seconds_each(repeats, [&] { subject.update(); }));
    // As many checks as lie from scan to scan, so that one of them scans.
    checks.push_back(seconds_each(repeats * interval, [&] { subject.check(); }));
    shares.push_back(100 * checks.back() / steps.back());
  }
  print("a step", 1e3 * median(steps), "ms");
  print("a check at the default interval, on average", 1e3 * median(checks), "ms");
  print("its share of the step", median(shares), "%", shares);
}

/// REQUIRES: more memory than the caches hold.
void measure_speed(Subject& subject, int rounds) {
  const auto threads = static_cast<std::size_t>(torch::get_num_threads());
  const std::vector<Range> memory = subject.memory();
  double gigabytes = 0;
  for (const Range& range : memory) gigabytes += static_cast<double>(range.bytes) / 1e9;
  volatile std::uint64_t sink = 0;
  std::vector<double> scans, reads, ratios;
  for (int round = 0; round < rounds; ++round) {
    scans.push_back(seconds([&] { subject.check({.scan = true}); }));
    reads.push_back(seconds([&] { sink = sink + read_plainly(memory, threads); }));
    ratios.push_back(reads.back() / scans.back());
  }
  print("a check that scans, over what it looks at", gigabytes / median(scans), "GB/s");
  print("a plain read of the same memory", gigabytes / median(reads), "GB/s");
  print("the check's speed, the read's being 1", median(ratios), "", ratios);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  if (rounds < 1) {
    std::fprintf(stderr, "usage: monitor_overhead [ROUNDS]\n");
    return 2;
  }
  torch::manual_seed(1);
  std::printf("%d threads, %d rounds\nthe demo's model\n", torch::get_num_threads(), rounds);
  {
    Subject demo({}, 16);
    measure_share(demo, rounds, 1, 20);
  }
  std::printf("GPT-2 small with AdamW, 8 sequences a step\n");
  Subject large({.context = 1024, .width = 768, .layers = 12, .heads = 12, .characters = 50257}, 1);
  measure_share(large, rounds, 8, 1);
  measure_speed(large, 4 * rounds);
  return 0;
}
