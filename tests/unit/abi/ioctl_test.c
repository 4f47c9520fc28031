/* SPDX-License-Identifier: MIT */
/* kernel/abi/ioctl.h against the host's headers. */
#define _GNU_SOURCE
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/kd.h>
#include <linux/nsfs.h>
#include <linux/random.h>
#include <linux/rtc.h>
#include <linux/vt.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(_IOC_NONE) V(_IOC_WRITE) V(_IOC_READ) V(TCGETS) V(TCSETS) V(TCSETSW) V(TCSETSF) V(TCGETA) \
    V(TCSETA) V(TCSETAW) V(TCSETAF) V(TCSBRK) V(TCXONC) V(TCFLSH) V(TIOCEXCL) V(TIOCNXCL) \
    V(TIOCSCTTY) V(TIOCGPGRP) V(TIOCSPGRP) V(TIOCOUTQ) V(TIOCSTI) V(TIOCGWINSZ) V(TIOCSWINSZ) \
    V(TIOCMGET) V(TIOCMBIS) V(TIOCMBIC) V(TIOCMSET) V(TIOCGSOFTCAR) V(TIOCSSOFTCAR) V(FIONREAD) \
    V(TIOCINQ) V(TIOCLINUX) V(TIOCCONS) V(TIOCGSERIAL) V(TIOCSSERIAL) V(TIOCPKT) V(FIONBIO) \
    V(TIOCNOTTY) V(TIOCSETD) V(TIOCGETD) V(TCSBRKP) V(TIOCSBRK) V(TIOCCBRK) V(TIOCGSID) \
    V(TCGETS2) V(TCSETS2) V(TCSETSW2) V(TCSETSF2) V(TIOCGRS485) V(TIOCSRS485) V(TIOCGPTN) \
    V(TIOCSPTLCK) V(TIOCGDEV) V(TIOCSIG) V(TIOCVHANGUP) V(TIOCGPKT) V(TIOCGPTLCK) V(TIOCGEXCL) \
    V(TIOCGPTPEER) V(FIONCLEX) V(FIOCLEX) V(FIOASYNC) V(TIOCSERGETLSR) V(TIOCMIWAIT) \
    V(TIOCGICOUNT) V(FIOQSIZE) V(TIOCPKT_DATA) V(TIOCPKT_FLUSHREAD) V(TIOCPKT_FLUSHWRITE) \
    V(TIOCPKT_STOP) V(TIOCPKT_START) V(TIOCPKT_NOSTOP) V(TIOCPKT_DOSTOP) V(TIOCPKT_IOCTL) \
    V(TIOCM_LE) V(TIOCM_DTR) V(TIOCM_RTS) V(TIOCM_ST) V(TIOCM_SR) V(TIOCM_CTS) V(TIOCM_CAR) \
    V(TIOCM_RNG) V(TIOCM_DSR) V(VT_OPENQRY) V(VT_GETMODE) V(VT_SETMODE) V(VT_GETSTATE) \
    V(VT_SENDSIG) V(VT_RELDISP) V(VT_ACTIVATE) V(VT_WAITACTIVE) V(VT_DISALLOCATE) V(VT_RESIZE) \
    V(VT_RESIZEX) V(VT_LOCKSWITCH) V(VT_UNLOCKSWITCH) V(VT_GETHIFONTMASK) V(VT_WAITEVENT) \
    V(VT_SETACTIVATE) V(VT_AUTO) V(VT_PROCESS) V(VT_ACKACQ) V(GIO_FONT) V(PIO_FONT) V(GIO_CMAP) \
    V(PIO_CMAP) V(KIOCSOUND) V(KDMKTONE) V(KDGETLED) V(KDSETLED) V(KDGKBTYPE) V(KB_84) V(KB_101) \
    V(KDSETMODE) V(KDGETMODE) V(KD_TEXT) V(KD_GRAPHICS) V(GIO_UNIMAP) V(PIO_UNIMAP) \
    V(PIO_UNIMAPCLR) V(KDGKBMODE) V(KDSKBMODE) V(K_RAW) V(K_XLATE) V(K_MEDIUMRAW) V(K_UNICODE) \
    V(K_OFF) V(KDGKBENT) V(KDSKBENT) V(KDGKBSENT) V(KDSKBSENT) V(KDGKBMETA) V(KDSKBMETA) \
    V(KDGKBLED) V(KDSKBLED) V(KDSIGACCEPT) V(KDKBDREP) V(KDFONTOP) V(FIBMAP) V(FIGETBSZ) \
    V(FIFREEZE) V(FITHAW) V(FITRIM) V(FICLONE) V(FICLONERANGE) V(FIDEDUPERANGE) \
    V(FS_IOC_GETFLAGS) V(FS_IOC_SETFLAGS) V(FS_IOC_GETVERSION) V(FS_IOC_SETVERSION) \
    V(FS_IOC_FIEMAP) V(FS_IOC_FSGETXATTR) V(FS_IOC_FSSETXATTR) V(FS_SECRM_FL) V(FS_UNRM_FL) \
    V(FS_COMPR_FL) V(FS_SYNC_FL) V(FS_IMMUTABLE_FL) V(FS_APPEND_FL) V(FS_NODUMP_FL) \
    V(FS_NOATIME_FL) V(FS_DIRSYNC_FL) V(BLKROSET) V(BLKROGET) V(BLKRRPART) V(BLKGETSIZE) \
    V(BLKFLSBUF) V(BLKRASET) V(BLKRAGET) V(BLKSSZGET) V(BLKBSZGET) V(BLKBSZSET) V(BLKGETSIZE64) \
    V(BLKDISCARD) V(BLKIOMIN) V(BLKIOOPT) V(BLKALIGNOFF) V(BLKPBSZGET) V(BLKDISCARDZEROES) \
    V(BLKSECDISCARD) V(BLKROTATIONAL) V(BLKZEROOUT) V(BLKGETDISKSEQ) V(HDIO_GETGEO) \
    V(NS_GET_USERNS) V(NS_GET_PARENT) V(NS_GET_NSTYPE) V(NS_GET_OWNER_UID) V(RNDGETENTCNT) \
    V(RNDADDTOENTCNT) V(RNDADDENTROPY) V(RNDZAPENTCNT) V(RNDCLEARPOOL) V(RNDRESEEDCRNG) \
    V(RTC_RD_TIME) V(RTC_SET_TIME)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/ioctl.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_vt_mode, struct vt_mode),
    SAME_FIELD(struct linux_vt_mode, mode, struct vt_mode, mode),
    SAME_FIELD(struct linux_vt_mode, waitv, struct vt_mode, waitv),
    SAME_FIELD(struct linux_vt_mode, relsig, struct vt_mode, relsig),
    SAME_FIELD(struct linux_vt_mode, acqsig, struct vt_mode, acqsig),
    SAME_FIELD(struct linux_vt_mode, frsig, struct vt_mode, frsig),
    SAME_SIZE(struct linux_vt_stat, struct vt_stat),
    SAME_FIELD(struct linux_vt_stat, v_active, struct vt_stat, v_active),
    SAME_FIELD(struct linux_vt_stat, v_signal, struct vt_stat, v_signal),
    SAME_FIELD(struct linux_vt_stat, v_state, struct vt_stat, v_state),
    SAME_SIZE(struct linux_hd_geometry, struct hd_geometry),
    SAME_FIELD(struct linux_hd_geometry, heads, struct hd_geometry, heads),
    SAME_FIELD(struct linux_hd_geometry, sectors, struct hd_geometry, sectors),
    SAME_FIELD(struct linux_hd_geometry, cylinders, struct hd_geometry, cylinders),
    SAME_FIELD(struct linux_hd_geometry, start, struct hd_geometry, start),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *ioctl_suite(void)
{
    return unit_suite("ioctl", add);
}

UNIT_MAIN(ioctl_suite)
