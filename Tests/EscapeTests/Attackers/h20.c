/* H20: asks, over the agent's own control socket, for what is the user's alone: `h20 list`, `h20 end AGENT`. */
#include "control.h"

int main(int count, char **arguments) {
    if (count < 2) return 2;
    struct message m = {0};
    put_byte(&m, 0);
    put_byte(&m, strcmp(arguments[1], "list") ? 5 : 4);
    if (count > 2) put_text(&m, arguments[2]);
    int control = open_control();
    if (control < 0) return perror("control"), 2;
    if (send(control, m.bytes, m.size, MSG_NOSIGNAL) < 0) return perror("send"), 2;
    unsigned char reply[4096];
    ssize_t size = recv(control, reply, sizeof reply, 0);
    /* 2: refused. */
    puts(size > 1 && reply[1] == 2 ? "refused" : size > 1 ? "REACHED" : "closed");
    return 0;
}
