#include "gimbal/run/report_style.h"

namespace gimbal::run {

// Sizes in rem, so that text at 200 % keeps its shape; the measure of 46 rem holds about 85 characters.
const std::string_view kReportStyle = R"css(
:root{--paper:#fff;--text:#1b1f24;--muted:#59616b;--line:#d9dde2;--soft:#f4f6f8;--accent:#1a46b8;--warn:#9a4a05;--warn-soft:#fdf3e7;--good:#0b6b5c;--good-soft:#e9f6f3;--note-soft:#eef2fb;color-scheme:light dark}
@media screen and (prefers-color-scheme:dark){:root{--paper:#15181c;--text:#e8eaed;--muted:#a3abb5;--line:#353b43;--soft:#1e2227;--accent:#86aeff;--warn:#ffb169;--warn-soft:#2c2218;--good:#7fe0cc;--good-soft:#162823;--note-soft:#1a2130}}
@media screen{:root[data-theme=dark]{--paper:#15181c;--text:#e8eaed;--muted:#a3abb5;--line:#353b43;--soft:#1e2227;--accent:#86aeff;--warn:#ffb169;--warn-soft:#2c2218;--good:#7fe0cc;--good-soft:#162823;--note-soft:#1a2130;color-scheme:dark}
:root[data-theme=light]{--paper:#fff;--text:#1b1f24;--muted:#59616b;--line:#d9dde2;--soft:#f4f6f8;--accent:#1a46b8;--warn:#9a4a05;--warn-soft:#fdf3e7;--good:#0b6b5c;--good-soft:#e9f6f3;--note-soft:#eef2fb;color-scheme:light}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--text);font:1rem/1.55 -apple-system,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans','Liberation Sans',Arial,system-ui,sans-serif;overflow-wrap:break-word}
main{max-width:50rem;margin:0 auto;padding:2.5rem 1.5rem 4rem}
h1{font-size:1.75rem;line-height:1.2;letter-spacing:-.01em;margin:0}
h2{font-size:1.25rem;line-height:1.3;margin:2.75rem 0 .75rem;padding-top:.9rem;border-top:1px solid var(--line)}
h3{font-size:1.05rem;line-height:1.3;margin:1.9rem 0 .5rem}
p,ul{margin:.7rem 0;max-width:46rem}
ul{padding-left:1.3rem}
li{margin:.25rem 0}
.subtitle{color:var(--muted);margin:.5rem 0 0;font-size:1.02rem}
nav{margin:1.6rem 0 0;padding:.8rem 1.1rem;background:var(--soft);border-radius:.4rem;font-size:.93rem}
nav ol{margin:0;padding:0;list-style:none;columns:15rem auto;column-gap:2rem}
nav li{margin:0;padding:.2rem 0;break-inside:avoid}
nav a{color:var(--accent);text-decoration:none}
nav a:hover,nav a:focus{text-decoration:underline}
code,pre{font-family:ui-monospace,'SF Mono','Cascadia Mono',Menlo,Consolas,'Liberation Mono','DejaVu Sans Mono',monospace}
code{font-size:.88em;background:var(--soft);padding:.1em .3em;border-radius:.25em}
pre{font-size:.84rem;line-height:1.5;background:var(--soft);border:1px solid var(--line);border-radius:.4rem;padding:.8rem 1rem;margin:0;overflow-x:auto;tab-size:2}
pre code{font-size:inherit;background:none;padding:0}
figure{margin:1.5rem 0}
figcaption,.caption{color:var(--muted);font-size:.9rem;line-height:1.45;margin:.5rem 0 0;max-width:46rem}
.code .caption{margin:0 0 .35rem}
.scroll{overflow-x:auto}
.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.scroll>svg{display:block;max-width:100%;height:auto;min-width:34rem}
img{max-width:100%;height:auto;display:block;border-radius:.25rem}
details{margin:.6rem 0 0;font-size:.9rem}
summary{cursor:pointer;color:var(--accent);width:fit-content;padding:.2rem 0}
summary:focus-visible,a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
section>details{font-size:1rem;margin-top:1.5rem}
section>details>summary{font-weight:600}
.table{margin:1.3rem 0}
.table>.title{margin:0 0 .45rem;font-weight:600;font-size:.95rem}
table{border-collapse:collapse;font-size:.9rem;line-height:1.4;font-variant-numeric:tabular-nums lining-nums}
details table{font-size:.84rem}
th,td{padding:.32rem .85rem .32rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th:last-child,td:last-child{padding-right:.2rem}
thead th{font-weight:600;vertical-align:bottom;border-bottom:2px solid var(--line)}
thead .unit{display:block;font-weight:400;color:var(--muted);font-size:.92em}
th.r,td.r{text-align:right;padding-left:.4rem;padding-right:.95rem}
td.r{white-space:nowrap}
th.c,td.c{text-align:center}
tr.strong td{font-weight:700}
.z{visibility:hidden;font-style:normal}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.75rem;margin:1.4rem 0}
.figures>div{background:var(--soft);border-radius:.4rem;padding:.8rem 1rem .75rem}
.figures dt{color:var(--muted);font-size:.86rem;line-height:1.35}
.figures dd{margin:0}
.figures .value{display:flex;flex-wrap:wrap;align-items:baseline;column-gap:.35em;font-size:1.6rem;font-weight:650;line-height:1.25;letter-spacing:-.01em;font-variant-numeric:tabular-nums lining-nums}
.figures .value.word{font-size:1.25rem;line-height:1.6;overflow-wrap:anywhere}
.figures .value small{font-size:.86rem;font-weight:400;letter-spacing:0;color:var(--muted)}
.figures .under{color:var(--muted);font-size:.86rem;line-height:1.35;margin-top:.15rem}
.note{margin:1.3rem 0;padding:.75rem 1.1rem .75rem 1rem;border-left:4px solid var(--accent);background:var(--note-soft);border-radius:0 .4rem .4rem 0}
.note.warning{border-color:var(--warn);background:var(--warn-soft)}
.note.good{border-color:var(--good);background:var(--good-soft)}
.note>strong:first-child{display:block;color:var(--accent)}
.note.warning>strong:first-child{color:var(--warn)}
.note.good>strong:first-child{color:var(--good)}
.note p,.note ul{margin:.3rem 0 0}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
footer{margin-top:3rem;padding-top:.8rem;border-top:1px solid var(--line);color:var(--muted);font-size:.86rem}
@media (max-width:40rem){main{padding:1.5rem 1rem 3rem}h1{font-size:1.45rem}}
@media print{@page{margin:18mm 16mm}
body{font-size:10.5pt}main{max-width:none;padding:0}nav{display:none}
h2,h3{break-after:avoid}h2{margin-top:1.6rem}
figure:not(.code),.note,.figures>div,tr,.table>.title{break-inside:avoid}.table>.title,thead{break-after:avoid}
.scroll{overflow:visible}.scroll>svg{min-width:0}pre{white-space:pre-wrap;overflow-wrap:anywhere;break-inside:auto}
figure>details:not([open]){display:none}
.figures>div,.note,pre,code{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
)css";

}  // namespace gimbal::run
