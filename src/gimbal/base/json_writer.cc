// Out: our own, because nlohmann's dump is not always the shortest text and recurses.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "gimbal/base/check.h"
#include "gimbal/base/json.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal {

namespace {

void append_quoted(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[c >> 4];
          out += kHex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void append_string(std::string& out, std::string_view text) {
  if (is_utf8(text))
    append_quoted(out, text);
  else
    append_quoted(out, repair_utf8(text));
}

void append_number(std::string& out, double number) {
  if (std::isfinite(number))
    append_shortest(out, number);
  else
    out += "null";
}

void append_scalar(std::string& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      out += "null";
      return;
    case Json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return;
    case Json::value_t::number_integer:
      fmt::format_to(std::back_inserter(out), "{}", value.get<std::int64_t>());
      return;
    case Json::value_t::number_unsigned:
      fmt::format_to(std::back_inserter(out), "{}", value.get<std::uint64_t>());
      return;
    case Json::value_t::number_float:
      append_number(out, value.get<double>());
      return;
    case Json::value_t::string:
      append_string(out, value.get_ref<const std::string&>());
      return;
    default:
      GIMBAL_CHECK(false, "a JSON value that JSON text cannot hold");
  }
}

// With its own stack, so that no depth of nesting overflows the program's.
std::string serialize(const Json& root, bool sorted) {
  using Member = Json::object_t::value_type;
  struct Frame {
    const Json* container;
    std::size_t next = 0;
    std::vector<const Member*> members;  // of an object, in the order in which they are written
  };
  std::string out;
  std::vector<Frame> open;
  const auto write = [&](const Json& value) {
    if (!value.is_structured()) return append_scalar(out, value);
    out += value.is_object() ? '{' : '[';
    Frame frame{&value, 0, {}};
    if (value.is_object()) {
      for (const Member& member : value.get_ref<const Json::object_t&>()) frame.members.push_back(&member);
      if (sorted) std::sort(frame.members.begin(), frame.members.end(), [](auto* a, auto* b) { return a->first < b->first; });
    }
    open.push_back(std::move(frame));
  };
  write(root);
  while (!open.empty()) {
    Frame& frame = open.back();
    const bool object = frame.container->is_object();
    if (frame.next == frame.container->size()) {
      out += object ? '}' : ']';
      open.pop_back();
      continue;
    }
    if (frame.next > 0) out += ',';
    const std::size_t i = frame.next++;
    if (object) {
      const Member& member = *frame.members[i];
      append_string(out, member.first);
      out += ':';
      write(member.second);
    } else {
      write((*frame.container)[i]);
    }
  }
  return out;
}

}  // namespace

void JsonWriter::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  GIMBAL_CHECK(open_.empty() || open_.back() == '[', "a member of an object needs a key");
  GIMBAL_CHECK(!open_.empty() || out_.empty(), "a second document in one JsonWriter");
  if (need_comma_) out_ += ',';
}

JsonWriter& JsonWriter::begin_object() {
  before_value();
  out_ += '{';
  open_.push_back('{');
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  GIMBAL_CHECK(!open_.empty() && open_.back() == '{' && !after_key_, "end_object without an open object, or after a key");
  out_ += '}';
  open_.pop_back();
  need_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  before_value();
  out_ += '[';
  open_.push_back('[');
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  GIMBAL_CHECK(!open_.empty() && open_.back() == '[', "end_array without an open array");
  out_ += ']';
  open_.pop_back();
  need_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  GIMBAL_CHECK(!open_.empty() && open_.back() == '{' && !after_key_, "a key outside an object, or after another key");
  if (need_comma_) out_ += ',';
  append_string(out_, name);
  out_ += ':';
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  before_value();
  append_number(out_, number);
  need_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::int64_t number) {
  before_value();
  fmt::format_to(std::back_inserter(out_), "{}", number);
  need_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::uint64_t number) {
  before_value();
  fmt::format_to(std::back_inserter(out_), "{}", number);
  need_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(bool flag) { return raw(flag ? "true" : "false"); }

JsonWriter& JsonWriter::value(std::string_view text) {
  before_value();
  append_string(out_, text);
  need_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::raw(std::string_view json) {
  before_value();
  out_ += json;
  need_comma_ = true;
  return *this;
}

std::string json_quote(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

std::string canonical(const Json& value) { return serialize(value, true); }
std::string to_text(const Json& value) { return serialize(value, false); }

}  // namespace gimbal
