/*
 * applet: the entry points behind one binary. main.c picks one by argv[0] or the first word.
 * Each takes argc/argv with argv[0] its own name and returns the exit code.
 */
#ifndef JAILTOP_APPLET_H
#define JAILTOP_APPLET_H

#include "base/version.h"

int applet_top(int argc, char **argv);    /* jailtop [options]: the live screen */
int applet_server(int argc, char **argv); /* jailtop server, fail2ban-server */
int applet_client(int argc, char **argv); /* jailtop client, fail2ban-client */
int applet_regex(int argc, char **argv);  /* jailtop regex, fail2ban-regex */
int applet_config(int argc, char **argv); /* jailtop config show JAIL */

#endif
