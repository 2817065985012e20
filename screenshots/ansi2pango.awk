# ansi2pango.awk: what `tmux capture-pane -e -p` prints -> Pango markup, for pango-view.
# Knows the SGR codes that tmux writes: bold, dim, italic, underline, reverse, 8, 16, 256 and RGB colours.
BEGIN {
	fg0 = "#d0d4d9"; bg0 = "#15181c"
	split("#2a2f36 #e06c66 #8fc07f #d9b365 #6aa5e0 #bf8fd6 #63bcc0 #c8ccd1 #7b828a #f0857e #a9d69a #ecca83 #8cbcf0 #d4a9e8 #83d3d6 #ffffff", base, " ")
	reset()
}
function reset() { fg = fg0; bg = bg0; bold = dim = italic = under = rev = 0 }
function hex(r, g, b) { return sprintf("#%02x%02x%02x", r, g, b) }
function step(v) { return v ? 55 + 40 * v : 0 }
function colour(n) {
	if (n < 16) return base[n + 1]
	if (n >= 232) { n = 8 + (n - 232) * 10; return hex(n, n, n) }
	n -= 16
	return hex(step(int(n / 36)), step(int(n / 6) % 6), step(n % 6))
}
function byte(text, at) {
	return 16 * (index("0123456789abcdef", substr(text, at, 1)) - 1) + index("0123456789abcdef", substr(text, at + 1, 1)) - 1
}
function faint(c) { return hex(byte(c, 2) * .62 + 8, byte(c, 4) * .62 + 9, byte(c, 6) * .62 + 10) }
function sgr(codes,    c, k, i, x) {
	k = split(codes == "" ? "0" : codes, c, /[;:]/)
	for (i = 1; i <= k; i++) {
		x = c[i] + 0
		if (x == 0) reset()
		else if (x == 1) bold = 1
		else if (x == 2) dim = 1
		else if (x == 3) italic = 1
		else if (x == 4) under = 1
		else if (x == 7) rev = 1
		else if (x == 22) bold = dim = 0
		else if (x == 23) italic = 0
		else if (x == 24) under = 0
		else if (x == 27) rev = 0
		else if (x >= 30 && x <= 37) fg = base[x - 29]
		else if (x >= 90 && x <= 97) fg = base[x - 81]
		else if (x >= 40 && x <= 47) bg = base[x - 39]
		else if (x >= 100 && x <= 107) bg = base[x - 91]
		else if (x == 39) fg = fg0
		else if (x == 49) bg = bg0
		else if (x == 38 && c[i + 1] == 5) { fg = colour(c[i + 2]); i += 2 }
		else if (x == 48 && c[i + 1] == 5) { bg = colour(c[i + 2]); i += 2 }
		else if (x == 38 && c[i + 1] == 2) { fg = hex(c[i + 2], c[i + 3], c[i + 4]); i += 4 }
		else if (x == 48 && c[i + 1] == 2) { bg = hex(c[i + 2], c[i + 3], c[i + 4]); i += 4 }
	}
}
function put(text,    f, b) {
	if (text == "") return
	gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
	f = dim ? faint(fg) : fg; b = bg
	if (rev) { b = f; f = bg }
	printf "<span foreground=\"%s\" background=\"%s\"%s%s%s>%s</span>", f, b, \
	    bold ? " weight=\"bold\"" : "", italic ? " style=\"italic\"" : "", under ? " underline=\"single\"" : "", text
}
{
	line = $0
	gsub(/\033\([0AB]|\016|\017/, "", line)
	while (match(line, /\033\[[0-9;:]*m/)) {
		before = substr(line, 1, RSTART - 1); codes = substr(line, RSTART + 2, RLENGTH - 3)
		line = substr(line, RSTART + RLENGTH)
		put(before)
		sgr(codes)
	}
	put(line)
	print ""
}
