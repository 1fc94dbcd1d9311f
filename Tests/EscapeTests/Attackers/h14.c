/* H14, H03, F16: a front-end that does not keep to the protocol. */
#include "control.h"

static unsigned seed = 1;

static int dice(int sides) {
    seed = seed * 1103515245u + 12345u;
    return (int)((seed >> 16) % (unsigned)sides);
}

static void garbage(void) {
    for (int i = 0; i < 400; i++) {
        int control = open_control();
        unsigned char bytes[2048];
        for (size_t k = 0; k < sizeof bytes; k++) bytes[k] = (unsigned char)dice(256);
        bytes[0] = (unsigned char)dice(3);
        bytes[1] = (unsigned char)dice(5);
        send(control, bytes, (size_t)dice(sizeof bytes), MSG_NOSIGNAL);
        close(control);
    }
}

/* Every prefix of a good message as a whole one, each byte of it changed, and something left over. */
static void mutations(void) {
    struct message good = launch("no-such-profile", "mark");
    for (size_t length = 0; length <= good.size + 1; length++) {
        int control = open_control();
        send(control, good.bytes, length, MSG_NOSIGNAL);
        close(control);
    }
    for (size_t at = 0; at < good.size; at++) {
        struct message bad = good;
        bad.bytes[at] ^= (unsigned char)(1 << dice(8));
        if (at > 1 && dice(2)) bad.bytes[at] = 0xFF;
        int control = open_control();
        send(control, bad.bytes, bad.size, MSG_NOSIGNAL);
        close(control);
    }
}

/* Packets that say more will come, until the supervisor hangs up. */
static int huge(void) {
    static char packet[32 << 10] = {1};
    int control = open_control();
    for (int i = 0; i < 1000; i++)
        if (send(control, packet, sizeof packet, MSG_NOSIGNAL) < 0) return 0;
    puts("REACHED: 32 MB were taken for one message");
    return 1;
}

/* Connections that stay open in the middle of a message. */
static void half_open(void) {
    struct message m = launch("leaf", "mark");
    m.bytes[0] = 1;
    for (int i = 0; i < 200; i++) send(open_control(), m.bytes, m.size / 2, MSG_NOSIGNAL);
}

static void many(void) {
    for (int i = 0; i < 3000; i++)
        if (open_control() < 0) break;
}

static void descriptors(void) {
    int root = open("/", O_PATH), list[64];
    for (int i = 0; i < 64; i++) list[i] = root;
    struct message m = launch("leaf", "mark-with-descriptor");
    for (int i = 0; i < 300; i++) send_descriptors(open_control(), m.bytes, m.size, list, 1 + dice(64));
}

int main(int count, char **arguments) {
    const char *mode = count > 1 ? arguments[1] : "";
    if (open_control() < 0) return perror("control"), 2;
    if (!strcmp(mode, "garbage")) garbage();
    else if (!strcmp(mode, "mutations")) mutations();
    else if (!strcmp(mode, "huge")) { if (huge()) return 1; }
    else if (!strcmp(mode, "half-open")) half_open();
    else if (!strcmp(mode, "many")) many();
    else if (!strcmp(mode, "descriptors")) descriptors();
    else return 2;
    puts("attacked");
    fflush(stdout);
    /* What is open stays open until the others have shown that they still work. */
    for (int i = 0; i < 2000 && access("others-work", F_OK) < 0; i++) usleep(10000);
    return 0;
}
