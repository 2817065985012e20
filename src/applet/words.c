#include "applet/words.h"

#include <string.h>

struct value *
words_split(const char *line, struct err *err)
{
	struct value *words = value_list();
	struct str word = {0};
	char quote = 0;
	bool is_word = false;

	for (const char *p = line; *p != '\0'; p++) {
		if (quote == 0 && str_is_blank(*p)) {
			if (is_word)
				value_push(words, value_strn(str_text(&word), word.len));
			str_clear(&word);
			is_word = false;
			continue;
		}
		is_word = true;
		if (*p == quote) {
			quote = 0;
		} else if (quote == 0 && (*p == '\'' || *p == '"')) {
			quote = *p;
		} else if (*p == '\\' && quote != '\'') {
			if (p[1] == '\0') {
				err_set(err, "No escaped character");
				goto bad;
			}
			p++;
			if (quote == '"' && *p != '"' && *p != '\\') /* only these two are escaped inside */
				str_addc(&word, '\\');
			str_addc(&word, *p);
		} else {
			str_addc(&word, *p);
		}
	}
	if (quote != 0) {
		err_set(err, "No closing quotation");
		goto bad;
	}
	if (is_word)
		value_push(words, value_strn(str_text(&word), word.len));
	str_done(&word);
	return words;
bad:
	str_done(&word);
	value_free(words);
	return NULL;
}
