#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# keep-symvers.sh KERNEL ARCH: run by dkms in its build directory, which it removes
# afterwards.  The symbol versions stay where dkms keeps the modules of that kernel.

cp Module.symvers "../$1/$2/Module.symvers"
