/*
 * act_engine: acting keys that are not about one address: hold all banning, delete a rule of nobody's.
 */
#include <stdio.h>
#include <string.h>

#include "deed.h"
#include "ui.h"

#define HOLD_S "600"

/* ---- H ---- */
static void
hold_set(struct ui *ui, const char *time, const char *said)
{
	struct deed *d = deed_new(ui, "%s", said);

	deed_send(d, (const char *const[]){"set", "hold", time}, 3);
	deed_sent(d);
}

static void
hold_answer(struct ui *ui, int value)
{
	(void)value;
	hold_set(ui, HOLD_S, "HOLD: failures are counted and ban nobody for 10 min; H ends it");
}

void
hold_toggle(struct ui *ui)
{
	if (ui->view->engine.hold > ui_now(ui)) {
		hold_set(ui, "off", "the hold is over: failures ban again");
		return;
	}
	struct dialog *d = dialog_open(ui, hold_answer);
	dialog_line(d, "HOLD: count failures but ban nobody by them, for 10 min? bans that stand stay");
	dialog_choice(d, 'y', "yes", 1);
}

/* ---- d ---- */
static void
delete_answer(struct ui *ui, int value)
{
	char **words = ui->dialog.words;
	struct deed *d = deed_new(ui, "deleting it was ordered; the log says how it went");

	(void)value;
	deed_send(d, (const char *const[]){"set", "delrule", words[0], words[1], words[2]}, 5);
	deed_sent(d);
}

void
rule_delete_open(struct ui *ui)
{
	const char *chain, *text, *source;
	int family;

	if (!chains_foreign(ui, &family, &chain, &text, &source)) {
		ui_message(ui, ROLE_WARN, "not a rule that no ban asks for (BAN says NO); a ban's rule goes with u");
		return;
	}
	struct dialog *d = dialog_open(ui, delete_answer);
	dialog_words(d, (const char *const[]){family == 6 ? "6" : "4", chain, text}, 3);
	dialog_line(d, "delete from the kernel the rule for %s, which no ban asks for?", *source != '\0' ? source : chain);
	dialog_line(d, "%s", text);
	dialog_choice(d, 'y', "delete it", 1);
}
