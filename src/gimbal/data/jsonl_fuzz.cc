// Any bytes: lines are numbered, a torn last line is found whether or not it is allowed, what was read is written and read
// back.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gimbal/data/jsonl.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gimbal::data;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_jsonl(text, "fuzz.jsonl", {.header_schema = "gimbal.fuzz/1"});
  const auto lenient = parse_jsonl(text, "fuzz.jsonl", {.allow_torn = true, .skip_bad = true});
  require(lenient.has_value());
  const auto strict = parse_jsonl(text, "fuzz.jsonl");
  require(strict.has_value() == (lenient->bad == 0 && !lenient->torn));
  require(complete_bytes(text) <= size);

  JsonlWriter writer;
  for (const auto& record : lenient->records) writer.add(record.text());
  const auto back = parse_jsonl(writer.text(), "fuzz.jsonl");
  require(back.has_value() && back->records.size() == lenient->records.size());
  for (std::size_t i = 0; i < back->records.size(); ++i) {
    require(back->records[i].text() == lenient->records[i].text());
    require(back->lines[i] == i + 1);
  }
  return 0;
}
