"""What the page of machine texts says, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.questions import Language

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Is what machines wrote right?",
        "who": "Your name",
        "save": "Save",
        "open": "Only open ones",
        "how": "How this works, and its keys",
        "about": "Each text was written by a machine; which one isn't told, and their order tells "
        "nothing. Say of each whether it is right for the sticker, wrong, or correct it. A text "
        "that is right but for a word is best corrected: it teaches most.",
        "kept": "Answers stay in this browser until Save makes the file; then",
        "right": "Right",
        "wrong": "Wrong",
        "correct": "Correct it",
        "keys_move": "on and back",
        "keys_leave": "leave the text",
        "keys_again": "take the answer back",
        "count": "{done} of {all} texts checked",
        "saved": "Saved. Now: stickerworks label texts --apply {file} --by NAME",
        "nothing": "Nothing was checked yet.",
        "unchanged": "not changed yet",
        "hidden": "Click to see it",
        "no_picture": "no picture",
        "script": "This page needs its script: it asks, keeps answers and saves them.",
    },
    "zh": {
        "title": "机器写的文字对吗？",
        "who": "你的名字",
        "save": "保存",
        "open": "只看未完成的",
        "how": "使用说明和快捷键",
        "about": "每段文字都由机器写成；这里不显示是哪个模型写的，排列顺序也没有含义。请判断每段"
        "文字对这张表情来说是对、是错，或者把它改对。只差一两个词的，最好改一改：这样的修改最有用。",
        "kept": "回答保存在这个浏览器里，点“保存”生成文件，然后运行",
        "right": "对",
        "wrong": "错",
        "correct": "修改",
        "keys_move": "下一条和上一条",
        "keys_leave": "离开输入框",
        "keys_again": "撤销这条回答",
        "count": "已检查 {done} / {all} 条",
        "saved": "已保存。接着运行：stickerworks label texts --apply {file} --by 名字",
        "nothing": "还没有检查任何文字。",
        "unchanged": "还没有改动",
        "hidden": "点击查看",
        "no_picture": "没有图片",
        "script": "这个页面需要脚本：由它提问、保留并保存回答。",
    },
}
