// A client of the socket that behaves badly, until it is killed: client SOCKET never|half|search.
// never   follows new events and takes none.  half  sends half a request.  search  reads the whole log over and over, and says
// at its end, on SIGTERM, how often.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char text[1 << 16];
static volatile sig_atomic_t searches;
static void on_term(int number) {
    (void)number;
    int length = snprintf(text, sizeof text, "%d\n", (int)searches);
    _exit(write(1, text, (size_t)length) == length ? 0 : 1);
}
static int ask(const char *path, const char *request) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(server, (struct sockaddr *)&address, sizeof address) < 0) return -1;
    return write(server, request, strlen(request)) < 0 ? -1 : server;
}

int main(int count, char **words) {
    if (count != 3) return 2;
    signal(SIGTERM, on_term);
    int is_search = !strcmp(words[2], "search"), is_half = !strcmp(words[2], "half");
    do {
        int server = ask(words[1], is_search ? "GET /v1/search HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                                   : is_half ? "GET /v1/search?q=key"
                                             : "GET /v1/tail HTTP/1.1\r\nHost: x\r\n\r\n");
        if (server < 0) return 1;
        if (is_search) {
            while (read(server, text, sizeof text) > 0) {}
            searches++;
        } else if (is_half) {
            // Until the daemon has had enough of it; then the next half.
            while (read(server, text, sizeof text) > 0) {}
        } else {
            pause();
        }
        close(server);
    } while (1);
}
