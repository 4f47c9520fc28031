/* SPDX-License-Identifier: MIT */
/* The page that export_html fills with a log. */
    .section .rodata
    .global timeline_page, timeline_page_end
timeline_page:
    .incbin "sim/log/timeline.html"
timeline_page_end:
    .byte 0
    .section .note.GNU-stack, "", @progbits
