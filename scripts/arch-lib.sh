# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2034 # for those that include it
# The table of architectures: all that the Makefile and the scripts know of a machine.
#
# Included, it sets the variables below for the architecture $ARCH, by the kernel's name
# of it, or for this machine.  For one that the table lacks arch_debian is empty.
#
#   arch_all      the kernel's names of all of them
#   arch          the kernel's name         arch_debian   Debian's name
#   arch_kernel   the end of the names of Debian's kernel packages
#   arch_kdirs    where Debian installs headers: a pattern
#   arch_series   Debian's kernels in which guests run: the first one that apt has
#   arch_image    the image that the kernel's build makes
#   arch_foreign  `yes` where this machine is another one, else empty
#   arch_cross    what the compiler's name begins with where it is foreign
#   arch_compiler the package of that compiler
#   arch_qemu     QEMU and its machine      arch_package  the package of it
#   arch_cpu      the emulated CPU          arch_icount   the same, nothing random
#   arch_threads  multi, or single where several threads of QEMU gain nothing
#   arch_console  the guest's console       arch_channel  its channel of verdicts
#   arch_serials  QEMU's arguments for both; CONSOLE and VERDICT stand for the files
#   arch_modules  modules that the guest needs for its channel
#   arch_many     kernel arguments of a guest with more CPUs than the host
#   arch_aes      modules of accelerated ciphers, with which "gcm(aes)" is at its best
#   arch_sha256   and of the hash           arch_chacha   and of "chacha20,poly1305"
#   arch_requests requests of the demo, which takes long where none of these works
#
# It is included by a user's `make`, which has the shell alone.

# arch_of MACHINE: the kernel's name of what `uname -m` prints.
arch_of() {
	case $1 in
	aarch64)	echo arm64 ;;
	s390x)		echo s390 ;;
	i?86)		echo i386 ;;
	x86)		echo x86_64 ;;
	*)		echo "$1" ;;
	esac
}

# The same device has the verdicts wherever there is no second serial port.
virtconsole="-chardev file,id=v,path=VERDICT -device virtconsole,chardev=v"

arch_all="x86_64 arm64 s390 i386"
arch=$(arch_of "${ARCH:-$(uname -m)}")
arch_foreign=''
[ "$arch" = "$(arch_of "$(uname -m)")" ] || arch_foreign=yes
arch_debian='' arch_kernel='' arch_series=6.12 arch_image='' arch_cross='' arch_compiler='' arch_qemu=''
arch_package='' arch_cpu='' arch_icount='' arch_threads=multi arch_console='' arch_channel=''
arch_serials='' arch_modules='' arch_many='' arch_aes='' arch_sha256='' arch_chacha=''
arch_requests=20000
case $arch in
x86_64 | i386)
	arch_image=arch/x86/boot/bzImage
	# The kernel calls the CPU of qemu-system-i386 not suitable for SMP.
	arch_qemu=qemu-system-x86_64
	arch_package=qemu-system-x86
	arch_cpu=max
	arch_icount=max,-rdrand,-rdseed
	arch_console=ttyS0
	arch_channel=ttyS1
	arch_serials="-serial file:CONSOLE -serial file:VERDICT"
	# The clock's rate is not measured where all CPUs share a few.
	arch_many="tsc=reliable lpj=8000000"
	arch_aes=aesni_intel ;;
esac
case $arch in
x86_64)
	arch_debian=amd64
	arch_kernel=amd64
	arch_compiler=gcc-x86-64-linux-gnu
	arch_cross=x86_64-linux-gnu-
	arch_sha256=sha256_ssse3
	arch_chacha="chacha_x86_64 poly1305_x86_64" ;;
arm64)
	arch_debian=arm64
	arch_kernel=arm64
	arch_image=arch/arm64/boot/Image
	arch_compiler=gcc-aarch64-linux-gnu
	arch_cross=aarch64-linux-gnu-
	# Version 3 of the interrupt controller is for more than eight CPUs.
	arch_qemu="qemu-system-aarch64 -M virt,gic-version=max"
	arch_package=qemu-system-arm
	arch_cpu=max,pauth-impdef=on
	arch_icount=max,pauth-impdef=on
	# Several threads read its counter under one lock.
	arch_threads=single
	arch_console=ttyAMA0
	arch_channel=hvc0
	arch_serials="-serial file:CONSOLE -device virtio-serial-pci $virtconsole"
	arch_aes="ghash-ce aes-ce-blk"
	arch_sha256=sha2-ce
	arch_chacha="chacha-neon poly1305-neon" ;;
s390)
	# Debian 12 has no 6.12 for it.
	arch_debian=s390x
	arch_kernel=s390x
	arch_series="6.12 6.1"
	arch_image=arch/s390/boot/bzImage
	arch_compiler=gcc-s390x-linux-gnu
	arch_cross=s390x-linux-gnu-
	arch_qemu="qemu-system-s390x -M s390-ccw-virtio"
	arch_package=qemu-system-misc
	arch_cpu=max
	arch_icount=max
	arch_console=ttysclp0
	arch_channel=hvc0
	arch_serials="-chardev file,id=c,path=CONSOLE -device sclpconsole,chardev=c"
	arch_serials="$arch_serials -device virtio-serial-ccw $virtconsole"
	arch_modules=virtio_console
	arch_requests=4000
	arch_aes=aes_s390
	arch_sha256=sha256_s390
	arch_chacha=chacha_s390 ;;
i386)
	# The compiler of x86_64 makes code for it.  Debian 13 has no kernel of it.
	arch_debian=i386
	arch_kernel=686-pae
	arch_series=6.1
	arch_compiler=gcc
	arch_requests=4000 ;;
esac
arch_kdirs="/usr/src/linux-headers-*-$arch_kernel"
[ -n "$arch_foreign" ] || arch_cross=''
