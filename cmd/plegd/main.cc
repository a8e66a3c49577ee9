#include "cmd/plegd/flags.h"

int main(int argc, char** argv) {
  const plegd::ParsedFlags parsed = plegd::ParseFlags(argc, argv);
  return parsed.exit_code.value_or(0);
}
