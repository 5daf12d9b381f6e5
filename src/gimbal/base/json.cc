// In: the parser is nlohmann's, driven through its event interface: that is where positions, duplicate keys and the depth are
// seen. json_writer.cc writes, json_view.cc reads fields.
#include "gimbal/base/json.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal {

namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

std::string place(std::string_view text, std::string_view name, std::size_t offset) {
  offset = std::min(offset, text.size());
  const std::string_view before = text.substr(0, offset);
  const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  const std::size_t start = line == 1 ? 0 : before.rfind('\n') + 1;
  return fmt::format("{}:{}:{}", name, line, code_point_column(text.substr(start), offset - start));
}

// Bytes for nlohmann's lexer; `*cursor` follows how far it has read.
class TrackedBytes {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;
  TrackedBytes(const char* at, const char** cursor) : at_(at), cursor_(cursor) {}
  reference operator*() const { return *at_; }
  TrackedBytes& operator++() {
    *cursor_ = ++at_;
    return *this;
  }
  TrackedBytes operator++(int) {
    TrackedBytes old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const TrackedBytes& a, const TrackedBytes& b) { return a.at_ == b.at_; }
  friend bool operator!=(const TrackedBytes& a, const TrackedBytes& b) { return a.at_ != b.at_; }

 private:
  const char* at_;
  const char** cursor_;
};

// Builds the document from the parser's events; the first complaint ends the parse.
class Builder {
 public:
  Builder(std::string_view text, const char* const* cursor, int max_depth)
      : text_(text), cursor_(cursor), max_depth_(max_depth) {}

  bool null() { return add(Json(nullptr)); }
  bool boolean(bool flag) { return add(Json(flag)); }
  // The lexer calls this for texts that begin with '-' only, so that a zero is "-0": its sign is kept.
  bool number_integer(std::int64_t number) { return add(number == 0 ? Json(-0.0) : Json(number)); }
  bool number_unsigned(std::uint64_t number) { return add(Json(number)); }
  bool number_float(double number, const std::string&) { return add(Json(number)); }
  bool string(std::string& text) { return add(Json(std::move(text))); }
  bool binary(Json::binary_t&) { return false; }  // no event of JSON text
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    Level& level = open_.back();
    auto& members = level.container->get_ref<Json::object_t&>();
    // Few keys are compared one by one; many go through a set, so that a million of them take no quadratic time.
    bool duplicate = false;
    if (members.size() < kManyKeys) {
      duplicate = std::any_of(members.begin(), members.end(), [&](const auto& member) { return member.first == name; });
    } else {
      if (level.names.empty()) {
        for (const auto& member : members) level.names.insert(member.first);
      }
      duplicate = !level.names.insert(name).second;
    }
    if (duplicate)
      return complain(start_of_string(), fmt::format("the key {} stands twice in one object", gimbal::quoted(name)));
    static_cast<std::vector<Json::object_t::value_type>&>(members).emplace_back(name, Json());
    return true;
  }

  template <typename Exception>
  bool parse_error(std::size_t position, const std::string& token, const Exception& exception) {
    describe(position, token, exception.what());
    return false;
  }

  Json take() { return std::move(root_); }
  std::size_t offset() const { return offset_; }
  const std::string& complaint() const { return complaint_; }

 private:
  static constexpr std::size_t kManyKeys = 16;
  struct Level {
    Json* container;
    std::unordered_set<std::string> names;
  };

  std::size_t read_so_far() const { return static_cast<std::size_t>(*cursor_ - text_.data()); }

  bool complain(std::size_t offset, std::string message) {
    offset_ = offset;
    complaint_ = std::move(message);
    return false;
  }

  Json* put(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& container = *open_.back().container;
    if (container.is_array()) {
      auto& items = container.get_ref<Json::array_t&>();
      items.push_back(std::move(value));
      return &items.back();
    }
    Json& slot = container.get_ref<Json::object_t&>().back().second;  // made by key()
    slot = std::move(value);
    return &slot;
  }
  bool add(Json value) {
    put(std::move(value));
    complete_ = open_.empty();
    return true;
  }
  bool open(Json container) {
    if (static_cast<int>(open_.size()) >= max_depth_) {
      return complain(read_so_far() - 1, fmt::format("nested deeper than {} levels", max_depth_));
    }
    // A container does not move while it is open: its parent grows only after it is closed.
    open_.push_back({put(std::move(container)), {}});
    return true;
  }
  bool close() {
    open_.pop_back();
    complete_ = open_.empty();
    return true;
  }

  // Where the string that ends before the cursor begins: at the nearest quote that no odd run of backslashes escapes.
  std::size_t start_of_string() const {
    std::size_t i = read_so_far() - 1;
    while (i > 0) {
      --i;
      if (text_[i] != '"') continue;
      std::size_t slashes = 0;
      while (slashes < i && text_[i - 1 - slashes] == '\\') ++slashes;
      if (slashes % 2 == 0) return i;
    }
    return 0;
  }

  // nlohmann says "... while parsing value - unexpected X; expected Y" or "... - <what is wrong>; last read: '...'". Said again
  // in the words of our other messages, at the beginning of the token and not where the lexer stopped.
  void describe(std::size_t position, const std::string& token, std::string_view what) {
    const auto back = [&](std::size_t length) { return std::min(position - std::min(position, length), text_.size()); };
    if (what.find("out_of_range") != std::string_view::npos) {
      complain(back(token.size()), fmt::format("the number {} does not fit into a double", gimbal::quoted(token, 40)));
      return;
    }
    if (const auto dash = what.find(" - "); dash != std::string_view::npos) what.remove_prefix(dash + 3);
    if (what.starts_with("invalid literal")) {
      std::size_t begin = back(1), end = back(1);
      while (begin > 0 && is_word(text_[begin - 1])) --begin;
      while (end < text_.size() && is_word(text_[end])) ++end;
      const std::string_view word = text_.substr(begin, std::max<std::size_t>(end - begin, 1));
      const bool not_finite = word == "NaN" || word == "Infinity";
      complain(begin, fmt::format("expected {}, found {}{}", complete_ ? kNothingMore : kValue, gimbal::quoted(word, 40),
                                  not_finite ? "; JSON writes null instead" : ""));
      return;
    }
    static constexpr std::string_view kUnexpected = "unexpected ", kExpected = "; expected ";
    if (!what.starts_with(kUnexpected)) {
      complain(back(1), std::string(what.substr(0, what.find("; last read: "))));
      return;
    }
    what.remove_prefix(kUnexpected.size());
    const auto middle = what.rfind(kExpected);
    const std::string_view found = what.substr(0, middle);
    std::string_view expected = middle == std::string_view::npos ? "" : what.substr(middle + kExpected.size());
    if (expected == "end of input")
      expected = kNothingMore;
    else if (expected == "string literal")
      expected = "a key in double quotes";
    else if (expected.empty() || expected == "'[', '{', or a literal")
      expected = kValue;
    if (found == "end of input") {
      complain(text_.size(), fmt::format("the text ends too early: expected {}", expected));
    } else if (found == "string literal" || found == "number literal") {
      complain(back(token.size()), fmt::format("expected {}, found {}", expected, gimbal::quoted(token, 40)));
    } else {  // 'true literal', or a character in single quotes
      const std::string_view word = found.substr(0, found.find(" literal"));
      complain(back(word.front() == '\'' ? 1 : word.size()), fmt::format("expected {}, found {}", expected, word));
    }
  }

  static constexpr std::string_view kValue = "a value", kNothingMore = "nothing more after the document";

  std::string_view text_;
  const char* const* cursor_;
  int max_depth_;
  Json root_;
  std::vector<Level> open_;
  bool complete_ = false;
  std::size_t offset_ = 0;
  std::string complaint_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view name, JsonLimits limits) {
  if (text.size() > limits.max_bytes) {
    return fail_at(std::string(name), ErrorCode::kParseError, "the document has {}, more than the limit of {}",
                   format_bytes(text.size()), format_bytes(limits.max_bytes));
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
  if (text.starts_with("\xEF\xBB\xBF")) {
    return fail_at(fmt::format("{}:1:1", name), ErrorCode::kParseError, "a second byte order mark");
  }
  // nlohmann takes a NUL for the end of the text, and reads on over bytes that are no UTF-8 outside of strings.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    return fail_at(place(text, name, nul), ErrorCode::kParseError, "a NUL byte; JSON is text");
  }
  if (const auto bad = find_invalid_utf8(text)) {
    return fail_at(place(text, name, *bad), ErrorCode::kParseError,
                   "the byte 0x{:02x} is not valid UTF-8; save the file as UTF-8", static_cast<unsigned char>(text[*bad]));
  }
  if (text.empty()) {  // of which nlohmann's versions say different things
    return fail_at(place(text, name, 0), ErrorCode::kParseError, "the text ends too early: expected a value");
  }
  const char* cursor = text.data();
  Builder builder(text, &cursor, limits.max_depth);
  const TrackedBytes first(text.data(), &cursor), last(text.data() + text.size(), &cursor);
  if (!Json::sax_parse(first, last, &builder)) {
    return fail_at(place(text, name, builder.offset()), ErrorCode::kParseError, "{}", builder.complaint());
  }
  return builder.take();
}

}  // namespace gimbal
