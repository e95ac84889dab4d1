// Target for coverage-guided fuzzing (clang++
// -fsanitize=fuzzer,address,undefined), which run.sh --libfuzzer builds.
#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static shaper::Bench bench;
  // The first byte says whether the datagram was truncated, which the datagram does not say itself.
  const bool truncated = size > 0 && (data[0] & 1) != 0;
  const size_t used = size > 0 ? size - 1 : 0;
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[used]);
  if (used > 0) std::memcpy(exact.get(), data + 1, used);
  shaper::checkInput(bench, exact.get(), used, truncated);
  return 0;
}
