/* Preloaded into the guest's kernel by testbed/guest. Two repairs of its calls of ptrace(2):
 *
 * - Kernels up to 6.12 keep a process's floating-point state in a buffer of fixed size. A processor with AMX has more state
 *   than fits, and the host then refuses to set less than all of it (EFAULT). What the kernel sets is laid over the full state.
 * - The guest's processes are traced children. They must not run on untraced when the kernel is killed.
 *
 * The kernel itself ends when the process that started it does. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

/* Some kernels and C libraries still name the first number that SETOPTIONS had. */
#define OLD_SETOPTIONS 21

static char state[1 << 15] __attribute__((aligned(64)));

__attribute__((constructor)) static void end_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static long set_state(long pid, void *set, struct iovec *given)
{
	struct iovec full = { state, sizeof state };

	if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, set, &full) < 0)
		return -1;
	if (full.iov_len <= given->iov_len)
		return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, set, given);
	memcpy(state, given->iov_base, given->iov_len);
	return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, set, &full);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list list;
	va_start(list, request);
	long pid = va_arg(list, int);
	void *address = va_arg(list, void *);
	void *data = va_arg(list, void *);
	va_end(list);

	switch ((int)request) {
	case PTRACE_SETREGSET:
		if ((long)address == NT_X86_XSTATE)
			return set_state(pid, address, data);
		break;
	case PTRACE_SETOPTIONS:
	case OLD_SETOPTIONS:
		data = (void *)((long)data | PTRACE_O_EXITKILL);
		request = PTRACE_SETOPTIONS;
		break;
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
	case PTRACE_PEEKUSER: {
		/* The system call stores the word; the library's function returns it. */
		long word = 0;
		long result = syscall(SYS_ptrace, request, pid, address, &word);
		if (result < 0)
			return result;
		errno = 0;
		return word;
	}
	default:
		break;
	}
	return syscall(SYS_ptrace, request, pid, address, data);
}
