/* Preloaded into a program by the tests: makes its generic netlink fail now and then, as a kernel short of memory does.
 *
 * NETLINK_FAULTS names a file that holds how many calls in a thousand fail; it is read anew each time, so faults can be switched
 * on and off while the program runs. A failing call is one of:
 *
 * - a send that is refused (ENOBUFS), and nothing is sent;
 * - a request that is done, but whose acknowledgement says ENOMEM;
 * - an answer that is lost (ENOBUFS), what was asked for having been done. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int is_generic_netlink(int socket)
{
	int domain = 0, protocol = -1;
	socklen_t length = sizeof domain;

	if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 || domain != AF_NETLINK)
		return 0;
	length = sizeof protocol;
	return getsockopt(socket, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 && protocol == NETLINK_GENERIC;
}

/* Random numbers from 1 on; the seed is the process, so that each start goes another way. */
static int dice(int sides)
{
	static unsigned seed;

	if (seed == 0)
		seed = (unsigned)getpid();
	return rand_r(&seed) % sides;
}

static int strikes(int socket)
{
	const char *path = getenv("NETLINK_FAULTS");
	char text[16] = "";

	if (path == NULL || !is_generic_netlink(socket))
		return 0;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return 0;
	ssize_t length = read(file, text, sizeof text - 1);
	close(file);
	return length > 0 && dice(1000) < atoi(text);
}

static void refuse(char *bytes, ssize_t length)
{
	for (ssize_t at = 0; at + (ssize_t)sizeof(struct nlmsghdr) <= length;) {
		struct nlmsghdr *header = (struct nlmsghdr *)(bytes + at);
		struct nlmsgerr *outcome = NLMSG_DATA(header);

		if (header->nlmsg_len < sizeof *header)
			return;
		if (header->nlmsg_type == NLMSG_ERROR && outcome->error == 0)
			outcome->error = -ENOMEM;
		at += NLMSG_ALIGN(header->nlmsg_len);
	}
}

ssize_t sendto(int socket, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t to_length)
{
	static ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "sendto");
	if (strikes(socket)) {
		errno = ENOBUFS;
		return -1;
	}
	return real(socket, bytes, length, flags, to, to_length);
}

ssize_t send(int socket, const void *bytes, size_t length, int flags)
{
	return sendto(socket, bytes, length, flags, NULL, 0);
}

ssize_t recvfrom(int socket, void *bytes, size_t length, int flags, struct sockaddr *from, socklen_t *from_length)
{
	static ssize_t (*real)(int, void *, size_t, int, struct sockaddr *, socklen_t *);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "recvfrom");
	ssize_t received = real(socket, bytes, length, flags, from, from_length);
	if (received <= 0 || (flags & MSG_PEEK) || !strikes(socket))
		return received;
	if (dice(2)) {
		errno = ENOBUFS;
		return -1;
	}
	refuse(bytes, received < (ssize_t)length ? received : (ssize_t)length);
	return received;
}

ssize_t recv(int socket, void *bytes, size_t length, int flags)
{
	return recvfrom(socket, bytes, length, flags, NULL, NULL);
}
