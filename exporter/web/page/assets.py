"""How the page looks and refreshes itself: its one style sheet, its one script, the policy that admits no other."""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root{color-scheme:light dark;--text:#1b1f24;--faint:#545d68;--paper:#fff;--card:#f4f6f8;--line:#d0d7de;--track:#d5dbe1;
--good:#0f6b2f;--warn:#7a4b00;--bad:#a40e26;--none:#545d68;--link:#0550ae}
@media(prefers-color-scheme:dark){:root{--text:#e8edf2;--faint:#a4adb8;--paper:#0d1117;--card:#171d25;--line:#343d48;
--track:#343d48;--good:#56d364;--warn:#e3b341;--bad:#ff8b83;--none:#a4adb8;--link:#79b8ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:62rem;padding:1rem;background:var(--paper);color:var(--text);
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:0}h2{font-size:1.15rem;margin:0}h3{font-size:1rem;margin:1rem 0 .25rem}
p{margin:.35rem 0}a{color:var(--link)}
.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem;margin:1rem 0}
.head{border-left:.5rem solid currentColor}.head p,.head h1 span{color:var(--text)}
.next{font-size:1.1rem}.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}.none{color:var(--none)}
.faint{color:var(--faint);font-size:.9rem}
.mark{width:1.1em;height:1.1em;vertical-align:-.18em;margin-right:.35em;flex:none}
ul{list-style:none;margin:.25rem 0;padding:0}li{padding:.2rem 0}
.defs{position:absolute;width:0;height:0}.spark{width:100%;height:3rem;display:block}.bar{width:100%;height:.8rem;display:block;border-radius:.2rem}
nav a{display:inline-block;margin:.25rem 1rem .25rem 0}
#lost{border:2px solid var(--bad);border-radius:.5rem;padding:.5rem 1rem;color:var(--bad);font-weight:600}
"""

# Every two seconds the page is asked for again, and the parts that have changed are put in place of the old ones (a
# screen reader hears the headline again only when it is another one); nothing is asked for while nobody looks. When
# the exporter does not answer, the page says so and keeps what it knew.
SCRIPT = """
const lost=document.getElementById("lost"),parts=["title","link","header","#rest"];
let seen=new Date();
async function refresh(){
 if(document.hidden)return;
 try{
  const answer=await fetch(location.href,{cache:"no-store",signal:AbortSignal.timeout(4000)});
  if(!answer.ok)throw new Error(answer.status);
  const page=new DOMParser().parseFromString(await answer.text(),"text/html");
  for(const part of parts){
   const old=document.querySelector(part),now=page.querySelector(part);
   if(old.outerHTML!==now.outerHTML)old.replaceWith(now);
  }
  seen=new Date();lost.hidden=true;
 }catch{
  lost.textContent="The exporter does not answer. What you see is from "+seen.toLocaleTimeString()+".";
  lost.hidden=false;
 }
}
(async()=>{for(;;){await new Promise(r=>setTimeout(r,2000));await refresh()}})();
"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
