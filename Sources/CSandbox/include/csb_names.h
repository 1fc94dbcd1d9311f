/* Reason for C: Glibc's module does not have nss.h. */
#pragma once

/* Keeps the C library to /etc/passwd, /etc/group, /etc/hosts and DNS, whatever nsswitch.conf says: the other services are shared
   objects, and calling into those from a static program crashes it. Call once, before any thread exists. */
void csb_names_built_in(void);
