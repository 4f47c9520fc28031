/* SPDX-License-Identifier: MIT */
/* ioctl(2) request numbers of terminals, consoles, files and block devices; their coding. */
#ifndef KERNEL_ABI_IOCTL_H
#define KERNEL_ABI_IOCTL_H

#include <stdint.h>

/* A request is direction:2 size:14 type:8 number:8. */
#define _IOC_NONE 0U
#define _IOC_WRITE 1U
#define _IOC_READ 2U
#define _IOC(dir, type, nr, size)                                                                  \
    ((uint32_t)(dir) << 30 | (uint32_t)(size) << 16 | (uint32_t)(type) << 8 | (uint32_t)(nr))
#define _IO(type, nr) _IOC(_IOC_NONE, type, nr, 0)
#define _IOR(type, nr, argument) _IOC(_IOC_READ, type, nr, sizeof(argument))
#define _IOW(type, nr, argument) _IOC(_IOC_WRITE, type, nr, sizeof(argument))
#define _IOWR(type, nr, argument) _IOC(_IOC_READ | _IOC_WRITE, type, nr, sizeof(argument))
#define _IOC_DIR(request) ((uint32_t)(request) >> 30)
#define _IOC_SIZE(request) ((uint32_t)(request) >> 16 & 0x3fff)
#define _IOC_TYPE(request) ((uint32_t)(request) >> 8 & 0xff)
#define _IOC_NR(request) ((uint32_t)(request)&0xff)

/* ioctl_tty(2) */
#define TCGETS 0x5401
#define TCSETS 0x5402
#define TCSETSW 0x5403
#define TCSETSF 0x5404
#define TCGETA 0x5405
#define TCSETA 0x5406
#define TCSETAW 0x5407
#define TCSETAF 0x5408
#define TCSBRK 0x5409
#define TCXONC 0x540A
#define TCFLSH 0x540B
#define TIOCEXCL 0x540C
#define TIOCNXCL 0x540D
#define TIOCSCTTY 0x540E
#define TIOCGPGRP 0x540F
#define TIOCSPGRP 0x5410
#define TIOCOUTQ 0x5411
#define TIOCSTI 0x5412
#define TIOCGWINSZ 0x5413
#define TIOCSWINSZ 0x5414
#define TIOCMGET 0x5415
#define TIOCMBIS 0x5416
#define TIOCMBIC 0x5417
#define TIOCMSET 0x5418
#define TIOCGSOFTCAR 0x5419
#define TIOCSSOFTCAR 0x541A
#define FIONREAD 0x541B
#define TIOCINQ FIONREAD
#define TIOCLINUX 0x541C
#define TIOCCONS 0x541D
#define TIOCGSERIAL 0x541E
#define TIOCSSERIAL 0x541F
#define TIOCPKT 0x5420
#define FIONBIO 0x5421
#define TIOCNOTTY 0x5422
#define TIOCSETD 0x5423
#define TIOCGETD 0x5424
#define TCSBRKP 0x5425
#define TIOCSBRK 0x5427
#define TIOCCBRK 0x5428
#define TIOCGSID 0x5429
#define TCGETS2 0x802C542A
#define TCSETS2 0x402C542B
#define TCSETSW2 0x402C542C
#define TCSETSF2 0x402C542D
#define TIOCGRS485 0x542E
#define TIOCSRS485 0x542F
#define TIOCGPTN 0x80045430
#define TIOCSPTLCK 0x40045431
#define TIOCGDEV 0x80045432
#define TIOCSIG 0x40045436
#define TIOCVHANGUP 0x5437
#define TIOCGPKT 0x80045438
#define TIOCGPTLCK 0x80045439
#define TIOCGEXCL 0x80045440
#define TIOCGPTPEER 0x5441
#define FIONCLEX 0x5450
#define FIOCLEX 0x5451
#define FIOASYNC 0x5452
#define TIOCGLCKTRMIOS 0x5456
#define TIOCSLCKTRMIOS 0x5457
#define TIOCSERGETLSR 0x5459
#define TIOCMIWAIT 0x545C
#define TIOCGICOUNT 0x545D
#define FIOQSIZE 0x5460

#define TIOCPKT_DATA 0
#define TIOCPKT_FLUSHREAD 1
#define TIOCPKT_FLUSHWRITE 2
#define TIOCPKT_STOP 4
#define TIOCPKT_START 8
#define TIOCPKT_NOSTOP 16
#define TIOCPKT_DOSTOP 32
#define TIOCPKT_IOCTL 64

#define TIOCM_LE 0x001
#define TIOCM_DTR 0x002
#define TIOCM_RTS 0x004
#define TIOCM_ST 0x008
#define TIOCM_SR 0x010
#define TIOCM_CTS 0x020
#define TIOCM_CAR 0x040
#define TIOCM_RNG 0x080
#define TIOCM_DSR 0x100

/* ioctl_console(2): virtual terminals */
#define VT_OPENQRY 0x5600
#define VT_GETMODE 0x5601
#define VT_SETMODE 0x5602
#define VT_GETSTATE 0x5603
#define VT_SENDSIG 0x5604
#define VT_RELDISP 0x5605
#define VT_ACTIVATE 0x5606
#define VT_WAITACTIVE 0x5607
#define VT_DISALLOCATE 0x5608
#define VT_RESIZE 0x5609
#define VT_RESIZEX 0x560A
#define VT_LOCKSWITCH 0x560B
#define VT_UNLOCKSWITCH 0x560C
#define VT_GETHIFONTMASK 0x560D
#define VT_WAITEVENT 0x560E
#define VT_SETACTIVATE 0x560F
#define VT_AUTO 0x00
#define VT_PROCESS 0x01
#define VT_ACKACQ 0x02

struct linux_vt_mode {
    uint8_t mode; /* VT_AUTO, VT_PROCESS */
    uint8_t waitv;
    int16_t relsig;
    int16_t acqsig;
    int16_t frsig;
};

struct linux_vt_stat {
    uint16_t v_active;
    uint16_t v_signal;
    uint16_t v_state;
};

#define GIO_FONT 0x4B60
#define PIO_FONT 0x4B61
#define GIO_CMAP 0x4B70
#define PIO_CMAP 0x4B71
#define KIOCSOUND 0x4B2F
#define KDMKTONE 0x4B30
#define KDGETLED 0x4B31
#define KDSETLED 0x4B32
#define KDGKBTYPE 0x4B33
#define KB_84 0x01
#define KB_101 0x02
#define KDSETMODE 0x4B3A
#define KDGETMODE 0x4B3B
#define KD_TEXT 0x00
#define KD_GRAPHICS 0x01
#define GIO_UNIMAP 0x4B66
#define PIO_UNIMAP 0x4B67
#define PIO_UNIMAPCLR 0x4B68
#define KDGKBMODE 0x4B44
#define KDSKBMODE 0x4B45
#define K_RAW 0x00
#define K_XLATE 0x01
#define K_MEDIUMRAW 0x02
#define K_UNICODE 0x03
#define K_OFF 0x04
#define KDGKBENT 0x4B46
#define KDSKBENT 0x4B47
#define KDGKBSENT 0x4B48
#define KDSKBSENT 0x4B49
#define KDGKBMETA 0x4B62
#define KDSKBMETA 0x4B63
#define KDGKBLED 0x4B64
#define KDSKBLED 0x4B65
#define KDSIGACCEPT 0x4B4E
#define KDKBDREP 0x4B52
#define KDFONTOP 0x4B72

/* Files and filesystems */
#define FIBMAP 0x1
#define FIGETBSZ 0x2
#define FIFREEZE 0xC0045877
#define FITHAW 0xC0045878
#define FITRIM 0xC0185879
#define FICLONE 0x40049409
#define FICLONERANGE 0x4020940D
#define FIDEDUPERANGE 0xC0189436
#define FS_IOC_GETFLAGS 0x80086601
#define FS_IOC_SETFLAGS 0x40086602
#define FS_IOC_GETVERSION 0x80087601
#define FS_IOC_SETVERSION 0x40087602
#define FS_IOC_FIEMAP 0xC020660B
#define FS_IOC_FSGETXATTR 0x801C581F
#define FS_IOC_FSSETXATTR 0x401C5820

#define FS_XFLAG_IMMUTABLE 0x00000008
#define FS_XFLAG_APPEND 0x00000010
#define FS_XFLAG_NOATIME 0x00000040
#define FS_XFLAG_NODUMP 0x00000080

struct linux_fsxattr {
    uint32_t fsx_xflags;
    uint32_t fsx_extsize;
    uint32_t fsx_nextents;
    uint32_t fsx_projid;
    uint32_t fsx_cowextsize;
    uint8_t fsx_pad[8];
};

#define FS_SECRM_FL 0x00000001
#define FS_UNRM_FL 0x00000002
#define FS_COMPR_FL 0x00000004
#define FS_SYNC_FL 0x00000008
#define FS_IMMUTABLE_FL 0x00000010
#define FS_APPEND_FL 0x00000020
#define FS_NODUMP_FL 0x00000040
#define FS_NOATIME_FL 0x00000080
#define FS_DIRSYNC_FL 0x00010000

/* Block devices */
#define BLKROSET 0x125D
#define BLKROGET 0x125E
#define BLKRRPART 0x125F
#define BLKGETSIZE 0x1260
#define BLKFLSBUF 0x1261
#define BLKRASET 0x1262
#define BLKRAGET 0x1263
#define BLKFRASET 0x1264
#define BLKFRAGET 0x1265
#define BLKSECTGET 0x1267
#define BLKSSZGET 0x1268
#define BLKPG 0x1269
#define BLKBSZGET 0x80081270
#define BLKBSZSET 0x40081271
#define BLKGETSIZE64 0x80081272
#define BLKDISCARD 0x1277
#define BLKIOMIN 0x1278
#define BLKIOOPT 0x1279
#define BLKALIGNOFF 0x127A
#define BLKPBSZGET 0x127B
#define BLKDISCARDZEROES 0x127C
#define BLKSECDISCARD 0x127D
#define BLKROTATIONAL 0x127E
#define BLKZEROOUT 0x127F
#define BLKGETDISKSEQ 0x80081280
#define HDIO_GETGEO 0x0301

struct linux_blkpg_ioctl_arg {
    int32_t op, flags, datalen;
    uint64_t data;
};
_Static_assert(sizeof(struct linux_blkpg_ioctl_arg) == 24, "as in linux/blkpg.h");

struct linux_blkpg_partition {
    int64_t start, length; /* bytes */
    int32_t pno;
    char devname[64], volname[64]; /* not looked at */
};
_Static_assert(sizeof(struct linux_blkpg_partition) == 152, "as in linux/blkpg.h");

struct linux_hd_geometry {
    uint8_t heads;
    uint8_t sectors;
    uint16_t cylinders;
    uint64_t start;
};

/* Namespaces, ioctl_ns(2) */
#define NS_GET_USERNS 0xB701
#define NS_GET_PARENT 0xB702
#define NS_GET_NSTYPE 0xB703
#define NS_GET_OWNER_UID 0xB704

/* /dev/random, random(4) */
#define RNDGETENTCNT 0x80045200
#define RNDADDTOENTCNT 0x40045201
#define RNDADDENTROPY 0x40085203
#define RNDZAPENTCNT 0x5204
#define RNDCLEARPOOL 0x5206
#define RNDRESEEDCRNG 0x5207

/* Real-time clock, rtc(4) */
#define RTC_RD_TIME 0x80247009
#define RTC_SET_TIME 0x4024700A

#endif
