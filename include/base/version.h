/*
 * version: ours, and the fail2ban whose behaviour is kept.
 */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define JAILTOP_VERSION "0.1.0"
#define JAILTOP_COMPAT_VERSION "1.0.2"

#endif
