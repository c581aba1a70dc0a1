// SPDX-License-Identifier: GPL-2.0-only
/*
 * disturb KEY MS: writes values into files, one each MS milliseconds after the last.
 *
 * Standard input has a line `FILE VALUE` for each.  Ends on SIGTERM and prints
 * KEY=n, the number of writes that succeeded.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int write_file(const char *file, const char *value)
{
	int fd = open(file, O_WRONLY);
	int written = fd >= 0 && write(fd, value, strlen(value)) > 0;

	if (fd >= 0)
		close(fd);
	return written;
}

int main(int argc, char **argv)
{
	struct timespec interval = { 0 };
	unsigned long written = 0;
	char file[128], value[32];
	sigset_t term;

	if (argc != 3)
		errx(2, "see the head of the source");
	interval.tv_nsec = atoi(argv[2]) * 1000000L;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &term, NULL))
		err(1, "sigprocmask");
	while (scanf("%127s %31s", file, value) == 2) {
		written += write_file(file, value);
		if (sigtimedwait(&term, NULL, &interval) == SIGTERM)
			break;
	}
	printf("%s=%lu\n", argv[1], written);
	return 0;
}
