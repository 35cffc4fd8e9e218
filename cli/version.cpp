// lastgood version. JSON: {"schema":1,"version":"0.1.0","format":1}
//
// "format" is that of the store, which changes far less often than the version. Opens nothing; always 0.
#include <lastgood/version.h>

#include "cli/commands.h"
#include "cli/json.h"

namespace lastgood::cli {

namespace {

ExitCode print_version(Context& context) {
  if (context.json) {
    Json document = new_document();
    document["version"] = kVersion;
    document["format"] = kFormatVersion;
    print(context.out, document);
  } else {
    context.out.line(std::string("lastgood ") + kVersion + " (store format " + std::to_string(kFormatVersion) + ")");
  }
  return ExitCode::ok;
}

}  // namespace

Command version_command() {
  return {.name = "version",
          .summary = "the version of the command and of the format that it writes",
          .details = "",
          .examples = {"lastgood version"},
          .run = print_version,
          .takes_run = false};
}

}  // namespace lastgood::cli
