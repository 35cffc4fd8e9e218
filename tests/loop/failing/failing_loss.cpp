// Loaded before LibTorch (LD_PRELOAD), it stands in for torch::mse_loss(), and spoils one training step of a program
// that knows nothing of it: call number $FAILING_CALL brings $FAILURE about.
//   nan        the loss, and with it all gradients, is not a number
//   explosion  the loss is ten thousand times as large, as are the gradients
//   memory     more memory is asked of LibTorch than there is
//   sigterm    the program is told to end; nothing is spoilt
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/torch.h>

namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool fails_now() {
  static const long failing_call = std::atol(std::string(variable("FAILING_CALL")).c_str());
  static long calls = 0;
  return ++calls == failing_call;
}

at::Tensor spoilt(const at::Tensor& loss) {
  const std::string_view failure = variable("FAILURE");
  if (failure == "nan") return loss * std::numeric_limits<float>::quiet_NaN();
  if (failure == "explosion") return loss * 1e4F;
  if (failure == "sigterm") {
    std::raise(SIGTERM);
    return loss;
  }
  if (failure == "memory") return torch::empty({std::int64_t{1} << 60}, torch::kByte);
  std::abort();
}

}  // namespace

at::Tensor at::_ops::mse_loss::call(const at::Tensor& output, const at::Tensor& target, int64_t reduction) {
  // What LibTorch's own does.
  static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("aten::mse_loss", "").typed<schema>();
  const at::Tensor loss = op.call(output, target, reduction);
  return fails_now() ? spoilt(loss) : loss;
}
