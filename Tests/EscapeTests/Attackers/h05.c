/* H05: uses the control connection of another agent. `h05 take SOCKET MARK [GONE]` waits for a connection and, once
   the file GONE exists, asks on it for a launch; `h05 give SOCKET` opens one and hands it over. */
#include "control.h"

static int give(const char *path) {
    int control = open_control(), accomplice = -1;
    for (int i = 0; i < 1000 && accomplice < 0; i++) {
        accomplice = open_socket(path, SOCK_STREAM, 0);
        if (accomplice < 0) usleep(10000);
    }
    if (control < 0 || accomplice < 0) return 2;
    send_descriptors(accomplice, "", 1, &control, 1);
    /* Until it was taken. */
    char byte;
    (void)!read(accomplice, &byte, 1);
    return 0;
}

static int take(const char *path, const char *mark, const char *gone) {
    int server = open_socket(path, SOCK_STREAM, 1);
    if (server < 0) return perror("listen"), 2;
    int accomplice = accept(server, 0, 0);
    int control = receive_descriptor(accomplice);
    if (control < 0) return 2;
    if (gone) close(accomplice);
    for (int i = 0; i < 1000 && gone && access(gone, F_OK) < 0; i++) usleep(10000);
    struct message m = launch("leaf", mark);
    ssize_t sent = send(control, m.bytes, m.size, MSG_NOSIGNAL);
    unsigned char reply[4096];
    /* Three replies when it was done: heard, launched, and how it ended. */
    ssize_t size = sent < 0 ? sent : recv(control, reply, sizeof reply, 0);
    /* That the order was heard says nothing of what becomes of it. */
    if (size > 1 && reply[1] == 7) size = recv(control, reply, sizeof reply, 0);
    if (size > 1 && reply[1] == 1) {
        (void)!recv(control, reply, sizeof reply, 0);
        puts("REACHED");
        return 0;
    }
    printf("refused %zd\n", size);
    return 1;
}

int main(int count, char **arguments) {
    if (count < 3) return 2;
    if (!strcmp(arguments[1], "give")) return give(arguments[2]);
    return count < 4 ? 2 : take(arguments[2], arguments[3], count > 4 ? arguments[4] : 0);
}
