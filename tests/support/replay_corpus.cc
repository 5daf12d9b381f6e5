// main() of a fuzz target where there is no libFuzzer: gives every file of a folder, and every prefix of the short ones, to the
// target. A corpus without files is an error, so that a moved folder does not pass unnoticed.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
    return 2;
  }
  int files = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1], error)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    const std::size_t prefixes = bytes.size() <= 512 ? bytes.size() : 0;
    for (std::size_t n = 0; n < prefixes; ++n) {
      const std::string prefix = bytes.substr(0, n);  // a copy, so that reads past the end are seen by the sanitizer
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(prefix.data()), prefix.size());
    }
    ++files;
  }
  if (files == 0) {
    std::fprintf(stderr, "no corpus in %s\n", argv[1]);
    return 1;
  }
  std::printf("%d files replayed\n", files);
  return 0;
}
