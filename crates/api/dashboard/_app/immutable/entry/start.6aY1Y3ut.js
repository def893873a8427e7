import{s as r}from"../chunks/DpSHNQ5u.js";import{y as t}from"../chunks/C-PJEj4I.js";export{t as load_css,r as start};
