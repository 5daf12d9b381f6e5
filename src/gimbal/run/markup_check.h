// For tests: reads SVG and HTML strictly enough to notice anything that escaping or drawing got wrong.
#pragma once

#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/text.h"

namespace gimbal::run {

struct MarkupElement {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;  // its own text and its children's, entities resolved; <title> children left out
};

struct MarkupReading {
  std::string error;  // empty: well-formed
  std::vector<MarkupElement> elements;

  std::vector<MarkupElement> named(std::string_view name) const {
    std::vector<MarkupElement> found;
    for (const MarkupElement& e : elements)
      if (e.name == name) found.push_back(e);
    return found;
  }
};

// Elements nest and close, attributes are quoted and unique, text holds no bare < & and no forbidden character, ids are unique.
// The elements that HTML never closes may stand open.
inline MarkupReading read_markup(std::string_view in) {
  static const std::set<std::string> kVoid = {"meta", "img", "br", "hr", "link", "input"};
  MarkupReading out;
  std::vector<std::size_t> open;
  std::set<std::string> ids;
  std::size_t i = 0;
  const auto fail = [&](std::string what) {
    out.error = what + " near \"" + std::string(in.substr(i > 30 ? i - 30 : 0, 80)) + "\"";
    return out;
  };
  if (!is_utf8(in)) return fail("invalid UTF-8");
  const auto name_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  const auto entity = [&](std::string& to) {
    static const std::map<std::string, std::string> kKnown = {
        {"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"#39", "'"}};
    const std::size_t end = in.find(';', i);
    if (end == std::string_view::npos || end - i > 6) return false;
    const auto known = kKnown.find(std::string(in.substr(i + 1, end - i - 1)));
    if (known == kKnown.end()) return false;
    to += known->second;
    i = end + 1;
    return true;
  };
  if (in.starts_with("<!DOCTYPE html>")) i = 15;
  while (i < in.size()) {
    const auto byte = static_cast<unsigned char>(in[i]);
    if (byte < 0x20 && in[i] != '\n' && in[i] != '\t') return fail("control character");
    if (in[i] == '&') {
      std::string text;
      if (!entity(text)) return fail("bad entity");
      if (!open.empty()) out.elements[open.back()].text += text;
      continue;
    }
    if (in[i] != '<') {
      if (!open.empty()) out.elements[open.back()].text += in[i];
      ++i;
      continue;
    }
    if (in.substr(i).starts_with("</")) {
      const std::size_t end = in.find('>', i);
      if (open.empty() || end == std::string_view::npos) return fail("stray end tag");
      const std::size_t at = open.back();
      if (out.elements[at].name != in.substr(i + 2, end - i - 2))
        return fail("<" + out.elements[at].name + "> is closed by another tag");
      open.pop_back();
      if (!open.empty() && out.elements[at].name != "title") out.elements[open.back()].text += out.elements[at].text;
      i = end + 1;
      continue;
    }
    ++i;
    MarkupElement element;
    while (i < in.size() && name_char(in[i])) element.name += in[i++];
    if (element.name.empty()) return fail("bare <");
    bool closed = false;
    while (true) {
      bool blank = false;
      while (i < in.size() && (in[i] == ' ' || in[i] == '\n')) ++i, blank = true;
      if (i >= in.size()) return fail("open tag");
      if (in[i] == '>') {
        ++i;
        break;
      }
      if (in.substr(i).starts_with("/>")) {
        closed = true;
        i += 2;
        break;
      }
      if (!blank) return fail("attributes run together");
      std::string name, value;
      while (i < in.size() && (name_char(in[i]) || in[i] == ':')) name += in[i++];
      if (name.empty()) return fail("bad attribute name");
      if (in.substr(i).starts_with("=\"")) {
        i += 2;
        while (i < in.size() && in[i] != '"') {
          if (in[i] == '<') return fail("< in an attribute");
          if (in[i] == '&') {
            if (!entity(value)) return fail("bad entity in an attribute");
          } else {
            value += in[i++];
          }
        }
        if (i++ >= in.size()) return fail("open attribute");
      } else if (element.name != "details") {
        return fail("attribute without a quoted value");
      }
      if (!element.attributes.emplace(name, value).second) return fail("attribute twice");
      if (name == "id" && !ids.insert(value).second) return fail("id twice: " + value);
    }
    out.elements.push_back(element);
    if (closed || kVoid.count(element.name) != 0) continue;
    if (element.name == "style") {
      const std::size_t end = in.find("</style>", i);
      if (end == std::string_view::npos) return fail("open style");
      out.elements.back().text = in.substr(i, end - i);
      i = end + 8;
      continue;
    }
    open.push_back(out.elements.size() - 1);
  }
  if (!open.empty()) return fail("<" + out.elements[open.back()].name + "> is never closed");
  return out;
}

// "" or what is forbidden in a page that must stand alone: scripts, handlers, references to elsewhere.
inline std::string outside_reference(std::string_view markup) {
  const MarkupReading reading = read_markup(markup);
  if (!reading.error.empty()) return reading.error;
  for (const MarkupElement& e : reading.elements) {
    for (const char* name : {"script", "iframe", "object", "embed", "link", "use", "image", "foreignObject"}) {
      if (e.name == name) return "<" + e.name + ">";
    }
    for (const auto& [name, value] : e.attributes) {
      if (name.starts_with("on")) return name;
      if (name == "style") return "style attribute";
      if (name == "xmlns") continue;
      const bool link = name == "href" || name == "src" || name.ends_with(":href");
      if (link && !value.starts_with("#") && !value.starts_with("data:image/")) return name + "=" + value;
    }
    if (e.name == "style" && (e.text.find("url(") != std::string::npos || e.text.find("@import") != std::string::npos))
      return "style: " + e.text;
  }
  return "";
}

}  // namespace gimbal::run
