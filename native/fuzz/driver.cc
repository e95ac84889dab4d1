// Fuzzes without clang: mutates the corpus with numbers from a fixed seed. Usage: driver COUNT [SEED]. With
// --corpus DIRECTORY it writes the corpus for libFuzzer instead.
#include <fstream>
#include <string>

#include "fuzz/check.h"

namespace shaper {
namespace {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  // xorshift64* (Vigna 2016)
  uint32_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<uint32_t>((state_ * 0x2545f4914f6cdd1dULL) >> 32);
  }
  uint32_t below(size_t bound) { return static_cast<uint32_t>(static_cast<uint64_t>(next()) * bound >> 32); }

 private:
  uint64_t state_;
};

// Values at which length checks go wrong.
constexpr uint32_t kEdges[] = {0, 1, 2, 3, 4, 5, 7, 8, 11, 15, 16, 17, 19, 20, 31, 0x7f, 0x80, 0xff, 0xfffb, 0xffff,
                               0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};

void mutate(Bytes& bytes, Random& random, const std::vector<Bytes>& seeds) {
  const uint32_t at = random.below(bytes.size() + 1);
  const size_t left = bytes.size() - at;
  switch (random.below(8)) {
    case 0:
      if (left > 0) bytes[at] ^= static_cast<uint8_t>(1u << random.below(8));
      break;
    case 1:
      if (left > 0) bytes[at] = static_cast<uint8_t>(random.next());
      break;
    case 2:
    case 3: {
      // Lengths and types stand at multiples of four, two or four bytes wide.
      const size_t width = random.below(2) ? 4 : 2;
      const size_t aligned = at & ~3u;
      const uint32_t value = kEdges[random.below(sizeof kEdges / sizeof *kEdges)];
      if (aligned + width <= bytes.size()) std::memcpy(bytes.data() + aligned, &value, width);
      break;
    }
    case 4:
      bytes.resize(at);
      break;
    case 5:
      bytes.insert(bytes.begin() + at, random.below(9), static_cast<uint8_t>(random.next()));
      break;
    case 6:
      bytes.erase(bytes.begin() + at, bytes.begin() + at + static_cast<ptrdiff_t>(random.below(left + 1) / 4));
      break;
    default: {
      const Bytes& other = seeds[random.below(seeds.size())];
      const size_t from = random.below(other.size());
      if (bytes.size() < 4096) bytes.insert(bytes.end(), other.begin() + static_cast<ptrdiff_t>(from), other.end());
    }
  }
}

void fuzz(uint64_t count, uint64_t seed) {
  const std::vector<Bytes> seeds = corpus();
  Random random(seed);
  Bench bench;
  for (const Bytes& bytes : seeds) checkInput(bench, bytes.data(), bytes.size(), false);
  // Datagrams in which a table overflows: more messages than rows, more refusals than rows.
  for (const Bytes& part : {plainPacket(5, kFuzzFirstQueue, 4), refusal(6, -2)}) {
    Bytes long_(part);
    while (long_.size() < 3 * kArrivalRows * part.size()) long_.insert(long_.end(), part.begin(), part.end());
    checkInput(bench, long_.data(), long_.size(), false);
  }
  for (uint64_t i = 0; i < count; i++) {
    Bytes bytes = seeds[random.below(seeds.size())];
    for (uint32_t n = random.below(6); n > 0; n--) mutate(bytes, random, seeds);
    const std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size()]);
    if (!bytes.empty()) std::memcpy(exact.get(), bytes.data(), bytes.size());
    checkInput(bench, exact.get(), bytes.size(), random.below(8) == 0);
  }
  const Counters& c = bench.counters;
  std::printf("inputs %llu seed %llu malformed %.0f truncated %.0f refusals %.0f\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(seed), c.malformed, c.truncated,
              c.verdictErrors);
}

void writeCorpus(const std::string& directory) {
  int n = 0;
  for (const Bytes& bytes : corpus()) {
    std::ofstream file(directory + "/seed-" + std::to_string(n++), std::ios::binary);
    file.put(0);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
}

}  // namespace
}  // namespace shaper

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--corpus") {
    shaper::writeCorpus(argv[2]);
    return 0;
  }
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s COUNT [SEED] | --corpus DIRECTORY\n", argv[0]);
    return 2;
  }
  shaper::fuzz(std::strtoull(argv[1], nullptr, 10), argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
  return 0;
}
