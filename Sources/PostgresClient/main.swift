// bailey-postgres: speaks to one PostgreSQL server, by libpq, for Bailey, which asks over standard input and hears on standard
// output. It ends when its owner does, or lets go of it, whatever it waits for then.
//
// A program of its own: libpq and what it loads (TLS, Kerberos, LDAP) are the distribution's shared libraries, which no static
// program has, and what reads a server's octets in C is not where secrets and policy are.

import Glibc
import PostgresLink

Confinement.enter()
var conversation = Conversation()
conversation.run()
