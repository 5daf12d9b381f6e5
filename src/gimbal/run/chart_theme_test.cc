#include "gimbal/run/chart_theme.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "gimbal/run/chart_test_data.h"

namespace gimbal::run {
namespace {

TEST(Theme, HasALightAndADarkSchemeInsideThePicture) {
  const std::string svg = draw(xy({line("a", {1, 2}, {1, 2})})).svg;
  EXPECT_NE(svg.find("@media screen and (prefers-color-scheme:dark){.gimbal-chart{--bg:#15181C"), std::string::npos);
  EXPECT_NE(svg.find(":root[data-theme=dark] .gimbal-chart{"), std::string::npos);
  EXPECT_NE(svg.find(".c0{color:#1A46B8;color:var(--c0)}"), std::string::npos);  // readable where var() is unknown
}

// OKLab (Ottosson 2020) after a colour-vision matrix (Machado et al. 2009, severity 1).
using Triple = std::array<double, 3>;
Triple linear_rgb(std::string_view hex) {
  Triple rgb{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double c = static_cast<double>(std::stoi(std::string(hex.substr(1 + 2 * i, 2)), nullptr, 16)) / 255;
    rgb[i] = c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
  }
  return rgb;
}
Triple see(const std::array<Triple, 3>& m, const Triple& v) {
  Triple out{};
  for (std::size_t i = 0; i < 3; ++i) out[i] = std::max(0.0, m[i][0] * v[0] + m[i][1] * v[1] + m[i][2] * v[2]);
  return out;
}
Triple oklab(const Triple& rgb) {
  Triple lms = see({{{0.4122214708, 0.5363325363, 0.0514459929},
                     {0.2119034982, 0.6806995451, 0.1073969566},
                     {0.0883024619, 0.2817188376, 0.6299787005}}},
                   rgb);
  for (double& v : lms) v = std::cbrt(v);
  return {0.2104542553 * lms[0] + 0.7936177850 * lms[1] - 0.0040720468 * lms[2],
          1.9779984951 * lms[0] - 2.4285922050 * lms[1] + 0.4505937099 * lms[2],
          0.0259040371 * lms[0] + 0.7827717662 * lms[1] - 0.8086757660 * lms[2]};
}
double luminance(std::string_view hex) {
  const Triple c = linear_rgb(hex);
  return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
}
double contrast(std::string_view a, std::string_view b) {
  const double x = luminance(a), y = luminance(b);
  return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

TEST(Theme, SeriesColoursKeepApartUnderEveryKindOfColourVision) {
  const std::array<Triple, 3> visions[] = {
      {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
      {{{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}}},
      {{{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}}},
      {{{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}}}};
  for (const Palette* palette : {&kLightPalette, &kDarkPalette}) {
    for (const auto& vision : visions) {
      for (std::size_t i = 0; i < kPaletteSize; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
          const Triple a = oklab(see(vision, linear_rgb(palette->series[i]))),
                       b = oklab(see(vision, linear_rgb(palette->series[j])));
          // 0.02 is about the smallest difference that is seen side by side; lines apart need more.
          EXPECT_GT(std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]), 0.05) << palette->series[i] << " " << palette->series[j];
        }
      }
    }
  }
}

TEST(Theme, ColoursStandOutFromTheSurface) {
  for (const Palette* palette : {&kLightPalette, &kDarkPalette}) {
    // WCAG 2.2: 3 for graphics, 4.5 for text.
    for (const std::string_view colour : palette->series) EXPECT_GE(contrast(colour, palette->surface), 3) << colour;
    EXPECT_GE(contrast(palette->ink, palette->surface), 7);
    EXPECT_GE(contrast(palette->muted, palette->surface), 4.5);
  }
}

TEST(Theme, DashesAndMarkersTellSixtyFourSeriesApartInGreyscale) {
  for (int i = 0; i < 64; ++i) {
    for (int j = 0; j < i; ++j) {
      EXPECT_TRUE(colour_class(i) != colour_class(j) || dash_pattern(Dash::kAuto, i) != dash_pattern(Dash::kAuto, j));
      if (i < kPaletteSize) {
        EXPECT_NE(dash_pattern(Dash::kAuto, i), dash_pattern(Dash::kAuto, j));
        EXPECT_NE(resolve_marker(Marker::kAuto, i), resolve_marker(Marker::kAuto, j));
      }
    }
  }
}

}  // namespace
}  // namespace gimbal::run
