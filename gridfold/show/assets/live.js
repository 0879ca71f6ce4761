/* The pages of `gridfold serve`: /TOKEN/ is the list of searches, /TOKEN/s/NAME/ a search. */

import { showList } from "./live_list.js";
import { showSearch } from "./live_search.js";

const [, token, kind, name] = location.pathname.split("/");
const root = `/${token}/`;
const page = kind === "s" && name ? "search" : "list";
document.body.append(document.getElementById(`${page}-page`).content.cloneNode(true));
if (page === "search") showSearch(root, token, name);
else showList(root);
