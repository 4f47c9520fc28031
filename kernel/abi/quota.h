/* SPDX-License-Identifier: MIT */
/* quotactl(2). */
#ifndef KERNEL_ABI_QUOTA_H
#define KERNEL_ABI_QUOTA_H

#define QUOTA_TYPES 3 /* users, groups, projects */
#define QUOTA_COMMAND(command) ((command) >> 8)
#define QUOTA_TYPE(command) ((command)&0xff)
#define Q_SYNC 0x800001
#define Q_QUOTAON 0x800002
#define Q_GETFMT 0x800004
#define Q_GETINFO 0x800005
#define Q_GETQUOTA 0x800007
#define Q_GETNEXTQUOTA 0x800009
#define Q_XGETQUOTA 0x5803
#define Q_XGETQSTAT 0x5805
#define Q_XQUOTASYNC 0x5807
#define Q_XGETQSTATV 0x5808
#define Q_XGETNEXTQUOTA 0x5809

#endif
