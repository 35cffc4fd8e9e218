#include <lastgood/command_line.h>

namespace lastgood {
namespace {

std::string quoted(const std::string& path) {
  constexpr const char* kHarmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%=";
  if (!path.empty() && path.find_first_not_of(kHarmless) == std::string::npos) return path;
  std::string text = "'";
  for (const char c : path) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace

std::string command_line(const std::filesystem::path& store, std::string_view command) {
  return "lastgood --store " + quoted(store.string()) + " " + std::string(command);
}

}  // namespace lastgood
